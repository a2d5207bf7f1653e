/* https://learn.microsoft.com/cpp/c-runtime-library/reference/access-s-waccess-s */
#include_next <corecrt_wio.h>
#ifndef XBUILD_CORECRT_WIO_H
#define XBUILD_CORECRT_WIO_H
#ifdef __cplusplus
extern "C" {
#endif
__declspec(dllimport) errno_t __cdecl _waccess_s(const wchar_t *path, int mode);
#ifdef __cplusplus
}
#endif
#endif
