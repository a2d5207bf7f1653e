/* Windows' SDK has _getdiskfree here; Wine has it in dos.h. */
#include_next <direct.h>
#include <dos.h>
