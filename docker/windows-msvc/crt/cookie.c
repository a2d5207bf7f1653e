/* The stack cookie of /GS.
 * __security_init_cookie, https://learn.microsoft.com/cpp/c-runtime-library/reference/security-init-cookie
 * __fastfail, https://learn.microsoft.com/cpp/intrinsics/fastfail
 * The loader of Windows 8 and later may have set a random cookie already (it finds it in the load configuration).
 */
#include "ocrt.h"

#ifdef _WIN64
#define DEFAULT_COOKIE 0x00002B992DDFA232ull /* what the loader recognises as "not set yet" */
#else
#define DEFAULT_COOKIE 0xBB40E64Eul
#endif
enum { FAST_FAIL_STACK_COOKIE_CHECK_FAILURE = 2, FAST_FAIL_RANGE_CHECK_FAILURE = 8 };

__declspec(dllimport) void __stdcall GetSystemTimeAsFileTime(unsigned long long *);
__declspec(dllimport) int __stdcall QueryPerformanceCounter(unsigned long long *);
__declspec(dllimport) dword __stdcall GetCurrentThreadId(void);
__declspec(dllimport) dword __stdcall GetCurrentProcessId(void);

void __fastfail(unsigned code);
#pragma intrinsic(__fastfail)

uptr __security_cookie = DEFAULT_COOKIE;
uptr __security_cookie_complement = ~(uptr)DEFAULT_COOKIE;

void __cdecl __security_init_cookie(void)
{
    unsigned long long time = 0, counter = 0, mixed;
    if (__security_cookie == DEFAULT_COOKIE) {
        GetSystemTimeAsFileTime(&time);
        QueryPerformanceCounter(&counter);
        mixed = time ^ (counter << 32 | counter >> 32) ^ (unsigned long long)GetCurrentThreadId() << 21 ^
                GetCurrentProcessId() ^ (uptr)&mixed;
#ifdef _WIN64
        mixed &= 0x0000FFFFFFFFFFFFull; /* a string that overflows cannot write the two zero bytes */
#else
        mixed = (mixed ^ mixed >> 32) & 0xFFFFFFFFul;
#endif
        if (mixed == 0 || mixed == DEFAULT_COOKIE)
            mixed = DEFAULT_COOKIE + 1;
        __security_cookie = (uptr)mixed;
    }
    __security_cookie_complement = ~__security_cookie;
}

__declspec(noreturn) void __cdecl __report_gsfailure(uptr cookie)
{
    (void)cookie;
    __fastfail(FAST_FAIL_STACK_COOKIE_CHECK_FAILURE);
    __builtin_unreachable();
}

__declspec(noreturn) void __cdecl __report_rangecheckfailure(void)
{
    __fastfail(FAST_FAIL_RANGE_CHECK_FAILURE);
    __builtin_unreachable();
}

#if defined(__aarch64__)
void __cdecl __security_check_cookie(uptr cookie)
{
    if (cookie != __security_cookie)
        __report_gsfailure(cookie);
}
#endif
