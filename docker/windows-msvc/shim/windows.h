/* Wine's windows.h, and at its end, where every declaration of Wine's is known, what completes it. */
#ifdef XBUILD_IN_WINDOWS_H
#include_next <windows.h>
#else
#define XBUILD_IN_WINDOWS_H
#include_next <windows.h>
#undef XBUILD_IN_WINDOWS_H
/* Of the unwinder's functions; what they return has its name from other headers. */
#define NTSTATUS LONG
#include <rtlsupportapi.h>
#undef NTSTATUS
#include <xbuild/more/windows.h>
#endif
