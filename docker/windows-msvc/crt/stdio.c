/* legacy_stdio_definitions.lib: printf and scanf as functions. The UCRT's headers define them inline, on
 * __stdio_common_*; objects that were compiled without these headers (Rust's libc crate declares printf) need them.
 * https://learn.microsoft.com/cpp/porting/visual-cpp-change-history-2003-2015 ("<stdio.h> and <conio.h>")
 */
typedef __builtin_va_list arguments;
typedef __SIZE_TYPE__ size;
typedef unsigned long long options;

/* _CRT_INTERNAL_PRINTF_*, of the Windows SDK's corecrt_stdio_config.h */
enum { LEGACY_VSPRINTF_NULL_TERMINATION = 1, STANDARD_SNPRINTF_BEHAVIOR = 2 };

__declspec(dllimport) void *__cdecl __acrt_iob_func(unsigned);
__declspec(dllimport) int __cdecl __stdio_common_vfprintf(options, void *, const char *, void *, arguments);
__declspec(dllimport) int __cdecl __stdio_common_vsprintf(options, char *, size, const char *, void *, arguments);
__declspec(dllimport) int __cdecl __stdio_common_vfscanf(options, void *, const char *, void *, arguments);
__declspec(dllimport) int __cdecl __stdio_common_vsscanf(options, const char *, size, const char *, void *, arguments);

#define VARIADIC(call)                                                                                                \
    {                                                                                                                 \
        arguments args;                                                                                               \
        int result;                                                                                                   \
        __builtin_va_start(args, format);                                                                             \
        result = (call);                                                                                              \
        __builtin_va_end(args);                                                                                       \
        return result;                                                                                                \
    }

int __cdecl vfprintf(void *stream, const char *format, arguments args)
{
    return __stdio_common_vfprintf(0, stream, format, 0, args);
}
int __cdecl vprintf(const char *format, arguments args) { return vfprintf(__acrt_iob_func(1), format, args); }
int __cdecl fprintf(void *stream, const char *format, ...) VARIADIC(vfprintf(stream, format, args))
int __cdecl printf(const char *format, ...) VARIADIC(vprintf(format, args))

int __cdecl vsnprintf(char *buffer, size count, const char *format, arguments args)
{
    int result = __stdio_common_vsprintf(STANDARD_SNPRINTF_BEHAVIOR, buffer, count, format, 0, args);
    return result < 0 ? -1 : result;
}
int __cdecl _vsnprintf(char *buffer, size count, const char *format, arguments args)
{
    return __stdio_common_vsprintf(LEGACY_VSPRINTF_NULL_TERMINATION, buffer, count, format, 0, args);
}
int __cdecl vsprintf(char *buffer, const char *format, arguments args)
{
    return _vsnprintf(buffer, (size)-1, format, args);
}
int __cdecl snprintf(char *buffer, size count, const char *format, ...)
    VARIADIC(vsnprintf(buffer, count, format, args))
int __cdecl _snprintf(char *buffer, size count, const char *format, ...)
    VARIADIC(_vsnprintf(buffer, count, format, args))
int __cdecl sprintf(char *buffer, const char *format, ...) VARIADIC(vsprintf(buffer, format, args))

int __cdecl vfscanf(void *stream, const char *format, arguments args)
{
    return __stdio_common_vfscanf(0, stream, format, 0, args);
}
int __cdecl vsscanf(const char *text, const char *format, arguments args)
{
    return __stdio_common_vsscanf(0, text, (size)-1, format, 0, args);
}
int __cdecl fscanf(void *stream, const char *format, ...) VARIADIC(vfscanf(stream, format, args))
int __cdecl scanf(const char *format, ...) VARIADIC(vfscanf(__acrt_iob_func(0), format, args))
int __cdecl sscanf(const char *text, const char *format, ...) VARIADIC(vsscanf(text, format, args))
