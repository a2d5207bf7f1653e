/* The console's printf and scanf, inline as in Windows' SDK; the UCRT does not export what Wine declares:
 * https://learn.microsoft.com/cpp/c-runtime-library/console-and-port-i-o
 */
#include <stdarg.h>
#include <corecrt_stdio_config.h>
#define _cprintf xbuild_cprintf
#define _cscanf xbuild_cscanf
#include_next <conio.h>
#undef _cprintf
#undef _cscanf
#ifndef XBUILD_CONIO_H
#define XBUILD_CONIO_H
#ifdef __cplusplus
extern "C" {
#endif
__declspec(dllimport) int __cdecl __conio_common_vcprintf_s(
    unsigned __int64 options, const char *format, _locale_t locale, va_list args);
static __inline int __cdecl _vcprintf_s(const char *format, va_list args)
{
    return __conio_common_vcprintf_s((*__local_stdio_printf_options()), format, NULL, args);
}
static __inline int __cdecl _cprintf_s(const char *format, ...)
{
    int result;
    va_list args;
    va_start(args, format);
    result = __conio_common_vcprintf_s((*__local_stdio_printf_options()), format, NULL, args);
    va_end(args);
    return result;
}
static __inline int __cdecl _vcprintf_s_l(const char *format, _locale_t locale, va_list args)
{
    return __conio_common_vcprintf_s((*__local_stdio_printf_options()), format, locale, args);
}
static __inline int __cdecl _cprintf_s_l(const char *format, _locale_t locale, ...)
{
    int result;
    va_list args;
    va_start(args, locale);
    result = __conio_common_vcprintf_s((*__local_stdio_printf_options()), format, locale, args);
    va_end(args);
    return result;
}
__declspec(dllimport) int __cdecl __conio_common_vcscanf(
    unsigned __int64 options, const char *format, _locale_t locale, va_list args);
static __inline int __cdecl _cscanf_s(const char *format, ...)
{
    int result;
    va_list args;
    va_start(args, format);
    result = __conio_common_vcscanf((*__local_stdio_scanf_options()) | _CRT_INTERNAL_SCANF_SECURECRT, format, NULL, args);
    va_end(args);
    return result;
}
static __inline int __cdecl _cscanf_s_l(const char *format, _locale_t locale, ...)
{
    int result;
    va_list args;
    va_start(args, locale);
    result = __conio_common_vcscanf((*__local_stdio_scanf_options()) | _CRT_INTERNAL_SCANF_SECURECRT, format, locale, args);
    va_end(args);
    return result;
}
__declspec(dllimport) int __cdecl __conio_common_vcprintf(
    unsigned __int64 options, const char *format, _locale_t locale, va_list args);
static __inline int __cdecl _cprintf(const char *format, ...)
{
    int result;
    va_list args;
    va_start(args, format);
    result = __conio_common_vcprintf((*__local_stdio_printf_options()), format, NULL, args);
    va_end(args);
    return result;
}
static __inline int __cdecl _cscanf(const char *format, ...)
{
    int result;
    va_list args;
    va_start(args, format);
    result = __conio_common_vcscanf((*__local_stdio_scanf_options()), format, NULL, args);
    va_end(args);
    return result;
}
#ifdef __cplusplus
}
#endif
#endif
