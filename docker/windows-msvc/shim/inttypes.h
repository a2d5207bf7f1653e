/* With a locale: https://learn.microsoft.com/cpp/c-runtime-library/reference/strtoimax-strtoimax-l-wcstoimax-wcstoimax-l */
#include_next <inttypes.h>
#ifndef XBUILD_INTTYPES_H
#define XBUILD_INTTYPES_H
#include <corecrt.h>
#ifdef __cplusplus
extern "C" {
#endif
__declspec(dllimport) intmax_t __cdecl _strtoimax_l(const char *text, char **end, int base, _locale_t locale);
__declspec(dllimport) uintmax_t __cdecl _strtoumax_l(const char *text, char **end, int base, _locale_t locale);
__declspec(dllimport) intmax_t __cdecl _wcstoimax_l(const wchar_t *text, wchar_t **end, int base, _locale_t locale);
__declspec(dllimport) uintmax_t __cdecl _wcstoumax_l(const wchar_t *text, wchar_t **end, int base, _locale_t locale);
#ifdef __cplusplus
}
#endif
#endif
