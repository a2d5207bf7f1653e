/* Conversions to long long that Wine lacks, narrow and wide:
 * https://learn.microsoft.com/cpp/c-runtime-library/reference/atoll-atoll-l-wtoll-wtoll-l
 */
#include_next <corecrt_wstdlib.h>
#ifndef XBUILD_CORECRT_WSTDLIB_H
#define XBUILD_CORECRT_WSTDLIB_H
#ifdef __cplusplus
extern "C" {
#endif
__declspec(dllimport) long long __cdecl _atoll_l(const char *text, _locale_t locale);
__declspec(dllimport) long long __cdecl _wtoll(const wchar_t *text);
__declspec(dllimport) long long __cdecl _wtoll_l(const wchar_t *text, _locale_t locale);
#ifdef __cplusplus
}
#endif
#endif
