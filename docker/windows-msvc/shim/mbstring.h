/* _mbscat and _mbscpy, which the UCRT does not export: https://learn.microsoft.com/cpp/c-runtime-library/reference/strcat-wcscat-mbscat */
#define _mbscat xbuild_mbscat
#define _mbscpy xbuild_mbscpy
#include_next <mbstring.h>
#undef _mbscat
#undef _mbscpy
#ifndef XBUILD_MBSTRING_H
#define XBUILD_MBSTRING_H
#include <string.h>
#ifdef __cplusplus
extern "C" {
#endif
static __inline unsigned char *__cdecl _mbscat(unsigned char *target, const unsigned char *source)
{
    return (unsigned char *)strcat((char *)target, (const char *)source);
}
static __inline unsigned char *__cdecl _mbscpy(unsigned char *target, const unsigned char *source)
{
    return (unsigned char *)strcpy((char *)target, (const char *)source);
}
#ifdef __cplusplus
}
#endif
#endif
