#include <Thing/Thing.h>

int asks(void) { return thing_count() + THING_LIMIT; }
