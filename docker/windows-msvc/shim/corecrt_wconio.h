/* Wine has these functions in conio.h. */
#include <corecrt_stdio_config.h>
