/* Functions of the UCRT's stdio.h that Wine lacks: https://learn.microsoft.com/cpp/c-runtime-library/stream-i-o */
#include_next <stdio.h>
#ifndef XBUILD_STDIO_H
#define XBUILD_STDIO_H
#ifdef __cplusplus
extern "C" {
#endif
static __inline int __cdecl vfscanf(FILE *stream, const char *format, va_list args)
{
    return __stdio_common_vfscanf(_CRT_INTERNAL_LOCAL_SCANF_OPTIONS, stream, format, NULL, args);
}
static __inline int __cdecl vfscanf_s(FILE *stream, const char *format, va_list args)
{
    return __stdio_common_vfscanf(_CRT_INTERNAL_LOCAL_SCANF_OPTIONS | _CRT_INTERNAL_SCANF_SECURECRT, stream, format, NULL, args);
}
static __inline int __cdecl vscanf(const char *format, va_list args)
{
    return __stdio_common_vfscanf(_CRT_INTERNAL_LOCAL_SCANF_OPTIONS, stdin, format, NULL, args);
}
static __inline int __cdecl vsscanf(const char *buffer, const char *format, va_list args)
{
    return __stdio_common_vsscanf(_CRT_INTERNAL_LOCAL_SCANF_OPTIONS, buffer, (size_t)-1, format, NULL, args);
}
static __inline int __cdecl _snscanf(const char *buffer, size_t count, const char *format, ...)
{
    int result;
    va_list args;
    va_start(args, format);
    result = __stdio_common_vsscanf(_CRT_INTERNAL_LOCAL_SCANF_OPTIONS, buffer, count, format, NULL, args);
    va_end(args);
    return result;
}
static __inline int __cdecl vsnprintf_s(char *buffer, size_t size, size_t count, const char *format, va_list args)
{
    return _vsnprintf_s(buffer, size, count, format, args);
}
__declspec(dllimport) int __cdecl _fcloseall(void);
__declspec(dllimport) int __cdecl _flushall(void);
__declspec(dllimport) int __cdecl _rmtmp(void);
__declspec(dllimport) int __cdecl fcloseall(void);
__declspec(dllimport) int __cdecl rmtmp(void);
static __inline int __cdecl flushall(void) { return _flushall(); }
#ifdef __cplusplus
}
#endif
#endif
