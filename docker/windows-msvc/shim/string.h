/* https://learn.microsoft.com/cpp/c-runtime-library/reference/strlwr-wcslwr-mbslwr-strlwr-l-wcslwr-l-mbslwr-l */
#include_next <string.h>
#ifndef XBUILD_STRING_H
#define XBUILD_STRING_H
#ifdef __cplusplus
extern "C" {
#endif
__declspec(dllimport) char *__cdecl _strlwr_l(char *text, _locale_t locale);
__declspec(dllimport) char *__cdecl _strupr_l(char *text, _locale_t locale);
#ifdef __cplusplus
}
#endif
#endif
