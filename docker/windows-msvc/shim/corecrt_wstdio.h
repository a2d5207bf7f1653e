/* Wide printf and scanf functions that Wine lacks, inline on __stdio_common_* as in Windows' SDK:
 * https://learn.microsoft.com/cpp/c-runtime-library/reference/fwprintf-p-fwprintf-p-l and its siblings
 */
/* Wine's have a stream as their first argument. */
#define wscanf xbuild_wscanf
#define wscanf_s xbuild_wscanf_s
#include <stdarg.h>
#include_next <corecrt_wstdio.h>
#undef wscanf
#undef wscanf_s
#ifndef XBUILD_CORECRT_WSTDIO_H
#define XBUILD_CORECRT_WSTDIO_H
#ifdef __cplusplus
extern "C" {
#endif
__declspec(dllimport) int __cdecl __stdio_common_vfwprintf_p(
    unsigned __int64 options, FILE *stream, const wchar_t *format, _locale_t locale, va_list args);
static __inline int __cdecl _vfwprintf_l(FILE *stream, const wchar_t *format, _locale_t locale, va_list args)
{
    return __stdio_common_vfwprintf(_CRT_INTERNAL_LOCAL_PRINTF_OPTIONS, stream, format, locale, args);
}
static __inline int __cdecl _fwprintf_l(FILE *stream, const wchar_t *format, _locale_t locale, ...)
{
    int result;
    va_list args;
    va_start(args, locale);
    result = __stdio_common_vfwprintf(_CRT_INTERNAL_LOCAL_PRINTF_OPTIONS, stream, format, locale, args);
    va_end(args);
    return result;
}
static __inline int __cdecl _vwprintf_l(const wchar_t *format, _locale_t locale, va_list args)
{
    return __stdio_common_vfwprintf(_CRT_INTERNAL_LOCAL_PRINTF_OPTIONS, stdout, format, locale, args);
}
static __inline int __cdecl _wprintf_l(const wchar_t *format, _locale_t locale, ...)
{
    int result;
    va_list args;
    va_start(args, locale);
    result = __stdio_common_vfwprintf(_CRT_INTERNAL_LOCAL_PRINTF_OPTIONS, stdout, format, locale, args);
    va_end(args);
    return result;
}
static __inline int __cdecl _vfwprintf_p_l(FILE *stream, const wchar_t *format, _locale_t locale, va_list args)
{
    return __stdio_common_vfwprintf_p(_CRT_INTERNAL_LOCAL_PRINTF_OPTIONS, stream, format, locale, args);
}
static __inline int __cdecl _fwprintf_p_l(FILE *stream, const wchar_t *format, _locale_t locale, ...)
{
    int result;
    va_list args;
    va_start(args, locale);
    result = __stdio_common_vfwprintf_p(_CRT_INTERNAL_LOCAL_PRINTF_OPTIONS, stream, format, locale, args);
    va_end(args);
    return result;
}
static __inline int __cdecl _vwprintf_p_l(const wchar_t *format, _locale_t locale, va_list args)
{
    return __stdio_common_vfwprintf_p(_CRT_INTERNAL_LOCAL_PRINTF_OPTIONS, stdout, format, locale, args);
}
static __inline int __cdecl _wprintf_p_l(const wchar_t *format, _locale_t locale, ...)
{
    int result;
    va_list args;
    va_start(args, locale);
    result = __stdio_common_vfwprintf_p(_CRT_INTERNAL_LOCAL_PRINTF_OPTIONS, stdout, format, locale, args);
    va_end(args);
    return result;
}
static __inline int __cdecl _vfwprintf_p(FILE *stream, const wchar_t *format, va_list args)
{
    return __stdio_common_vfwprintf_p(_CRT_INTERNAL_LOCAL_PRINTF_OPTIONS, stream, format, NULL, args);
}
static __inline int __cdecl _fwprintf_p(FILE *stream, const wchar_t *format, ...)
{
    int result;
    va_list args;
    va_start(args, format);
    result = __stdio_common_vfwprintf_p(_CRT_INTERNAL_LOCAL_PRINTF_OPTIONS, stream, format, NULL, args);
    va_end(args);
    return result;
}
static __inline int __cdecl _vwprintf_p(const wchar_t *format, va_list args)
{
    return __stdio_common_vfwprintf_p(_CRT_INTERNAL_LOCAL_PRINTF_OPTIONS, stdout, format, NULL, args);
}
static __inline int __cdecl _wprintf_p(const wchar_t *format, ...)
{
    int result;
    va_list args;
    va_start(args, format);
    result = __stdio_common_vfwprintf_p(_CRT_INTERNAL_LOCAL_PRINTF_OPTIONS, stdout, format, NULL, args);
    va_end(args);
    return result;
}
static __inline int __cdecl _vscwprintf_l(const wchar_t *format, _locale_t locale, va_list args)
{
    return __stdio_common_vswprintf(_CRT_INTERNAL_LOCAL_PRINTF_OPTIONS | _CRT_INTERNAL_PRINTF_STANDARD_SNPRINTF_BEHAVIOR, NULL, 0, format, locale, args);
}
static __inline int __cdecl _scwprintf_l(const wchar_t *format, _locale_t locale, ...)
{
    int result;
    va_list args;
    va_start(args, locale);
    result = __stdio_common_vswprintf(_CRT_INTERNAL_LOCAL_PRINTF_OPTIONS | _CRT_INTERNAL_PRINTF_STANDARD_SNPRINTF_BEHAVIOR, NULL, 0, format, locale, args);
    va_end(args);
    return result;
}
static __inline int __cdecl _vscwprintf_p(const wchar_t *format, va_list args)
{
    return __stdio_common_vswprintf_p(_CRT_INTERNAL_LOCAL_PRINTF_OPTIONS | _CRT_INTERNAL_PRINTF_STANDARD_SNPRINTF_BEHAVIOR, NULL, 0, format, NULL, args);
}
static __inline int __cdecl _scwprintf_p(const wchar_t *format, ...)
{
    int result;
    va_list args;
    va_start(args, format);
    result = __stdio_common_vswprintf_p(_CRT_INTERNAL_LOCAL_PRINTF_OPTIONS | _CRT_INTERNAL_PRINTF_STANDARD_SNPRINTF_BEHAVIOR, NULL, 0, format, NULL, args);
    va_end(args);
    return result;
}
static __inline int __cdecl _scwprintf_p_l(const wchar_t *format, _locale_t locale, ...)
{
    int result;
    va_list args;
    va_start(args, locale);
    result = __stdio_common_vswprintf_p(_CRT_INTERNAL_LOCAL_PRINTF_OPTIONS | _CRT_INTERNAL_PRINTF_STANDARD_SNPRINTF_BEHAVIOR, NULL, 0, format, locale, args);
    va_end(args);
    return result;
}
static __inline int __cdecl _vsnwprintf_l(wchar_t *buffer, size_t count, const wchar_t *format, _locale_t locale, va_list args)
{
    return __stdio_common_vswprintf(_CRT_INTERNAL_LOCAL_PRINTF_OPTIONS | _CRT_INTERNAL_PRINTF_LEGACY_VSPRINTF_NULL_TERMINATION, buffer, count, format, locale, args);
}
static __inline int __cdecl _snwprintf_l(wchar_t *buffer, size_t count, const wchar_t *format, _locale_t locale, ...)
{
    int result;
    va_list args;
    va_start(args, locale);
    result = __stdio_common_vswprintf(_CRT_INTERNAL_LOCAL_PRINTF_OPTIONS | _CRT_INTERNAL_PRINTF_LEGACY_VSPRINTF_NULL_TERMINATION, buffer, count, format, locale, args);
    va_end(args);
    return result;
}
static __inline int __cdecl _vswprintf_l(wchar_t *buffer, size_t count, const wchar_t *format, _locale_t locale, va_list args)
{
    return __stdio_common_vswprintf(_CRT_INTERNAL_LOCAL_PRINTF_OPTIONS, buffer, count, format, locale, args);
}
static __inline int __cdecl _vswprintf_p(wchar_t *buffer, size_t count, const wchar_t *format, va_list args)
{
    return __stdio_common_vswprintf_p(_CRT_INTERNAL_LOCAL_PRINTF_OPTIONS, buffer, count, format, NULL, args);
}
static __inline int __cdecl _swprintf_p(wchar_t *buffer, size_t count, const wchar_t *format, ...)
{
    int result;
    va_list args;
    va_start(args, format);
    result = __stdio_common_vswprintf_p(_CRT_INTERNAL_LOCAL_PRINTF_OPTIONS, buffer, count, format, NULL, args);
    va_end(args);
    return result;
}
static __inline int __cdecl _swprintf_p_l(wchar_t *buffer, size_t count, const wchar_t *format, _locale_t locale, ...)
{
    int result;
    va_list args;
    va_start(args, locale);
    result = __stdio_common_vswprintf_p(_CRT_INTERNAL_LOCAL_PRINTF_OPTIONS, buffer, count, format, locale, args);
    va_end(args);
    return result;
}
static __inline int __cdecl vfwscanf(FILE *stream, const wchar_t *format, va_list args)
{
    return __stdio_common_vfwscanf(_CRT_INTERNAL_LOCAL_SCANF_OPTIONS, stream, format, NULL, args);
}
static __inline int __cdecl vwscanf(const wchar_t *format, va_list args)
{
    return __stdio_common_vfwscanf(_CRT_INTERNAL_LOCAL_SCANF_OPTIONS, stdin, format, NULL, args);
}
static __inline int __cdecl vswscanf(const wchar_t *buffer, const wchar_t *format, va_list args)
{
    return __stdio_common_vswscanf(_CRT_INTERNAL_LOCAL_SCANF_OPTIONS, buffer, (size_t)-1, format, NULL, args);
}
static __inline int __cdecl wscanf(const wchar_t *format, ...)
{
    int result;
    va_list args;
    va_start(args, format);
    result = __stdio_common_vfwscanf(_CRT_INTERNAL_LOCAL_SCANF_OPTIONS, stdin, format, NULL, args);
    va_end(args);
    return result;
}
static __inline int __cdecl vfwscanf_s(FILE *stream, const wchar_t *format, va_list args)
{
    return __stdio_common_vfwscanf(_CRT_INTERNAL_LOCAL_SCANF_OPTIONS | _CRT_INTERNAL_SCANF_SECURECRT, stream, format, NULL, args);
}
static __inline int __cdecl vwscanf_s(const wchar_t *format, va_list args)
{
    return __stdio_common_vfwscanf(_CRT_INTERNAL_LOCAL_SCANF_OPTIONS | _CRT_INTERNAL_SCANF_SECURECRT, stdin, format, NULL, args);
}
static __inline int __cdecl vswscanf_s(const wchar_t *buffer, const wchar_t *format, va_list args)
{
    return __stdio_common_vswscanf(_CRT_INTERNAL_LOCAL_SCANF_OPTIONS | _CRT_INTERNAL_SCANF_SECURECRT, buffer, (size_t)-1, format, NULL, args);
}
static __inline int __cdecl wscanf_s(const wchar_t *format, ...)
{
    int result;
    va_list args;
    va_start(args, format);
    result = __stdio_common_vfwscanf(_CRT_INTERNAL_LOCAL_SCANF_OPTIONS | _CRT_INTERNAL_SCANF_SECURECRT, stdin, format, NULL, args);
    va_end(args);
    return result;
}
static __inline int __cdecl _wscanf_l(const wchar_t *format, _locale_t locale, ...)
{
    int result;
    va_list args;
    va_start(args, locale);
    result = __stdio_common_vfwscanf(_CRT_INTERNAL_LOCAL_SCANF_OPTIONS, stdin, format, locale, args);
    va_end(args);
    return result;
}
static __inline int __cdecl _fwscanf_l(FILE *stream, const wchar_t *format, _locale_t locale, ...)
{
    int result;
    va_list args;
    va_start(args, locale);
    result = __stdio_common_vfwscanf(_CRT_INTERNAL_LOCAL_SCANF_OPTIONS, stream, format, locale, args);
    va_end(args);
    return result;
}
static __inline int __cdecl _swscanf_l(const wchar_t *buffer, const wchar_t *format, _locale_t locale, ...)
{
    int result;
    va_list args;
    va_start(args, locale);
    result = __stdio_common_vswscanf(_CRT_INTERNAL_LOCAL_SCANF_OPTIONS, buffer, (size_t)-1, format, locale, args);
    va_end(args);
    return result;
}
static __inline int __cdecl _snwscanf(const wchar_t *buffer, size_t count, const wchar_t *format, ...)
{
    int result;
    va_list args;
    va_start(args, format);
    result = __stdio_common_vswscanf(_CRT_INTERNAL_LOCAL_SCANF_OPTIONS, buffer, count, format, NULL, args);
    va_end(args);
    return result;
}
static __inline int __cdecl _snwscanf_l(const wchar_t *buffer, size_t count, const wchar_t *format, _locale_t locale, ...)
{
    int result;
    va_list args;
    va_start(args, locale);
    result = __stdio_common_vswscanf(_CRT_INTERNAL_LOCAL_SCANF_OPTIONS, buffer, count, format, locale, args);
    va_end(args);
    return result;
}
#ifdef __cplusplus
}
#endif
#endif
