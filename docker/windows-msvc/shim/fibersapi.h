/* Wine declares the fiber functions in winbase.h. */
#include <windows.h>
