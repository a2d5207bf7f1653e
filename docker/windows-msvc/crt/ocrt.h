/* Start-up code for *-pc-windows-msvc modules that run on ucrtbase.dll and vcruntime140.dll.
 *
 * Every contract here is public: the headers of the files name the document. Those that all share:
 *   CRT initialization, https://learn.microsoft.com/cpp/c-runtime-library/crt-initialization
 *   Internal CRT globals and functions,
 *     https://learn.microsoft.com/cpp/c-runtime-library/internal-crt-globals-and-functions
 *   PE format, https://learn.microsoft.com/windows/win32/debug/pe-format
 *
 * The code includes no header of the sysroot, so that it can be built before there is one.
 */
#pragma once

typedef unsigned long dword;
#ifdef _WIN64
typedef unsigned long long uptr;
#else
typedef unsigned long uptr;
#endif

/* Entries of .CRT$XC*, .CRT$XP*, .CRT$XT* and .CRT$XD*; entries of .CRT$XI*; TLS callbacks (.CRT$XL*). */
typedef void(__cdecl *void_function)(void);
typedef int(__cdecl *int_function)(void);
typedef void(__stdcall *tls_callback)(void *, dword, void *);

/* Reasons of an entry point and of a TLS callback. */
enum { PROCESS_DETACH = 0, PROCESS_ATTACH = 1, THREAD_ATTACH = 2, THREAD_DETACH = 3 };

/* _onexit_table_t of the UCRT: three opaque pointers. */
typedef struct {
    void_function *first, *last, *end;
} onexit_table;

/* A section attribute on a variable needs the section to be declared first. */
#define IN_SECTION(name) __declspec(allocate(name))

/* Bounds of the initialiser and terminator lists of this module; each is one null entry wide. */
extern int_function __ocrt_xi_first[], __ocrt_xi_last[];
extern void_function __ocrt_xc_first[], __ocrt_xc_last[];
extern void_function __ocrt_xp_first[], __ocrt_xp_last[];
extern void_function __ocrt_xt_first[], __ocrt_xt_last[];

/* A DLL keeps its exit handlers to itself, an EXE hands them to the UCRT (see onexit.c). */
extern int __ocrt_is_dll;
extern onexit_table __ocrt_onexit_table;

extern uptr __security_cookie;
void __cdecl __security_init_cookie(void);
__declspec(noreturn) void __cdecl __report_gsfailure(uptr cookie);

/* UCRT */
__declspec(dllimport) void __cdecl _initterm(void_function *, void_function *);
__declspec(dllimport) int __cdecl _initterm_e(int_function *, int_function *);
__declspec(dllimport) int __cdecl _initialize_onexit_table(onexit_table *);
__declspec(dllimport) int __cdecl _register_onexit_function(onexit_table *, int_function);
__declspec(dllimport) int __cdecl _execute_onexit_table(onexit_table *);
__declspec(dllimport) int __cdecl _crt_atexit(void_function);
