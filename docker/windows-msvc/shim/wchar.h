/* wcsicoll is in string.h too. Streams have no orientation here, so fwide gives back its argument, as Windows' SDK does:
 * https://learn.microsoft.com/cpp/c-runtime-library/reference/fwide
 */
#include_next <wchar.h>
#ifndef XBUILD_WCHAR_H
#define XBUILD_WCHAR_H
#ifndef __cplusplus /* where libc++'s headers of these names come between */
#include <corecrt_wconio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#endif
#ifdef __cplusplus
extern "C" {
#endif
__declspec(dllimport) int __cdecl wcsicoll(const wchar_t *first, const wchar_t *second);
static __inline int __cdecl fwide(FILE *stream, int mode)
{
    (void)stream;
    return mode;
}
#ifdef __cplusplus
}
#endif
#endif
