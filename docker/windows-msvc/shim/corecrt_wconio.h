/* Wine has a part of these functions in conio.h. */
#include <stdarg.h>
#include <corecrt_stdio_config.h>
#include <corecrt.h>
#ifndef XBUILD_CORECRT_WCONIO_H
#define XBUILD_CORECRT_WCONIO_H
#ifdef __cplusplus
extern "C" {
#endif
__declspec(dllimport) int __cdecl __conio_common_vcwprintf_s(
    unsigned __int64 options, const wchar_t *format, _locale_t locale, va_list args);
static __inline int __cdecl _vcwprintf_s(const wchar_t *format, va_list args)
{
    return __conio_common_vcwprintf_s((*__local_stdio_printf_options()), format, NULL, args);
}
static __inline int __cdecl _cwprintf_s(const wchar_t *format, ...)
{
    int result;
    va_list args;
    va_start(args, format);
    result = __conio_common_vcwprintf_s((*__local_stdio_printf_options()), format, NULL, args);
    va_end(args);
    return result;
}
static __inline int __cdecl _vcwprintf_s_l(const wchar_t *format, _locale_t locale, va_list args)
{
    return __conio_common_vcwprintf_s((*__local_stdio_printf_options()), format, locale, args);
}
static __inline int __cdecl _cwprintf_s_l(const wchar_t *format, _locale_t locale, ...)
{
    int result;
    va_list args;
    va_start(args, locale);
    result = __conio_common_vcwprintf_s((*__local_stdio_printf_options()), format, locale, args);
    va_end(args);
    return result;
}
__declspec(dllimport) int __cdecl __conio_common_vcwscanf(
    unsigned __int64 options, const wchar_t *format, _locale_t locale, va_list args);
static __inline int __cdecl _cwscanf_s(const wchar_t *format, ...)
{
    int result;
    va_list args;
    va_start(args, format);
    result = __conio_common_vcwscanf((*__local_stdio_scanf_options()) | _CRT_INTERNAL_SCANF_SECURECRT, format, NULL, args);
    va_end(args);
    return result;
}
static __inline int __cdecl _cwscanf_s_l(const wchar_t *format, _locale_t locale, ...)
{
    int result;
    va_list args;
    va_start(args, locale);
    result = __conio_common_vcwscanf((*__local_stdio_scanf_options()) | _CRT_INTERNAL_SCANF_SECURECRT, format, locale, args);
    va_end(args);
    return result;
}
#ifdef __cplusplus
}
#endif
#endif
