/* Wine's winnt.h, and the interlocked, bit and ordered-access functions that it lacks:
 * https://learn.microsoft.com/windows/win32/sync/interlocked-variable-access
 */
/* Wine's winnt.h makes WCHAR an unsigned short unless this is set; Windows code needs it to be wchar_t. */
#ifndef WINE_UNICODE_NATIVE
#define WINE_UNICODE_NATIVE
#endif
#include_next <winnt.h>
#ifndef RC_INVOKED
#include "xbuild/interlocked.h"
#ifndef XBUILD_WINNT_H
#define XBUILD_WINNT_H
/* Wine has these in winternl.h only. */
typedef struct LIST_ENTRY32 {
    DWORD Flink, Blink;
} LIST_ENTRY32, *PLIST_ENTRY32;
typedef struct LIST_ENTRY64 {
    ULONGLONG Flink, Blink;
} LIST_ENTRY64, *PLIST_ENTRY64;
typedef struct _FILE_ID_128 {
    BYTE Identifier[16];
} FILE_ID_128, *PFILE_ID_128;
#endif
#endif
