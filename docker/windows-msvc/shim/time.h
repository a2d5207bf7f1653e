/* Functions of time.h that Windows' SDK has inline: https://learn.microsoft.com/cpp/c-runtime-library/time-management */
#include_next <time.h>
#ifndef XBUILD_TIME_H
#define XBUILD_TIME_H
#ifdef __cplusplus
extern "C" {
#endif
#define TIME_UTC 1
static __inline void __cdecl tzset(void) { _tzset(); }
#ifdef _USE_32BIT_TIME_T
__declspec(dllimport) int __cdecl _timespec32_get(struct _timespec32 *, int);
static __inline int __cdecl timespec_get(struct timespec *now, int base)
{
    return _timespec32_get((struct _timespec32 *)now, base);
}
__declspec(dllimport) __time32_t __cdecl _mkgmtime32(struct tm *);
static __inline time_t __cdecl _mkgmtime(struct tm *parts) { return _mkgmtime32(parts); }
static __inline errno_t __cdecl gmtime_s(struct tm *parts, const time_t *time) { return _gmtime32_s(parts, time); }
#else
__declspec(dllimport) int __cdecl _timespec64_get(struct _timespec64 *, int);
static __inline int __cdecl timespec_get(struct timespec *now, int base)
{
    return _timespec64_get((struct _timespec64 *)now, base);
}
__declspec(dllimport) __time64_t __cdecl _mkgmtime64(struct tm *);
static __inline time_t __cdecl _mkgmtime(struct tm *parts) { return _mkgmtime64(parts); }
static __inline errno_t __cdecl gmtime_s(struct tm *parts, const time_t *time) { return _gmtime64_s(parts, time); }
#endif
#ifdef __cplusplus
}
#endif
#endif
