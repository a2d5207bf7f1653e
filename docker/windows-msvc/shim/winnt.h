/* Wine's winnt.h makes WCHAR an unsigned short unless this is set; Windows code needs it to be wchar_t. */
#ifndef WINE_UNICODE_NATIVE
#define WINE_UNICODE_NATIVE
#endif
#include_next <winnt.h>
