/* The entry points of an EXE, one object for each kind: compiled with -DENTRY_MAIN, -DENTRY_WMAIN, -DENTRY_WINMAIN
 * and -DENTRY_WWINMAIN. The linker infers the entry from the name of the user's function.
 * /ENTRY, https://learn.microsoft.com/cpp/build/reference/entry-entry-point-symbol
 * The UCRT functions are those of "Internal CRT globals and functions" (see ocrt.h).
 */
#include "ocrt.h"

enum { CONSOLE_APP = 1, GUI_APP = 2 };      /* _crt_app_type */
enum { UNEXPANDED_ARGUMENTS = 1 };          /* _crt_argv_mode */
enum { TEXT_MODE = 0x4000 };                /* _O_TEXT, the documented default of _fmode */
enum { SHOW_DEFAULT = 10 };                 /* SW_SHOWDEFAULT */
enum { STARTUP_FAILED = 255 };

__declspec(dllimport) void __cdecl _set_app_type(int);
__declspec(dllimport) int __cdecl _set_fmode(int);
__declspec(dllimport) int *__cdecl __p__commode(void);
__declspec(dllimport) int *__cdecl __p___argc(void);
__declspec(dllimport) __declspec(noreturn) void __cdecl exit(int);
__declspec(dllimport) __declspec(noreturn) void __cdecl _exit(int);
__declspec(dllimport) int __cdecl _seh_filter_exe(dword, void *);

#if defined(ENTRY_MAIN) || defined(ENTRY_WINMAIN)
typedef char character;
__declspec(dllimport) int __cdecl _configure_narrow_argv(int);
__declspec(dllimport) int __cdecl _initialize_narrow_environment(void);
__declspec(dllimport) character **__cdecl _get_initial_narrow_environment(void);
__declspec(dllimport) character ***__cdecl __p___argv(void);
__declspec(dllimport) character *__cdecl _get_narrow_winmain_command_line(void);
#define arguments __p___argv
#define configure_arguments _configure_narrow_argv
#define initialize_environment _initialize_narrow_environment
#define initial_environment _get_initial_narrow_environment
#define command_line _get_narrow_winmain_command_line
#else
typedef unsigned short character;
__declspec(dllimport) int __cdecl _configure_wide_argv(int);
__declspec(dllimport) int __cdecl _initialize_wide_environment(void);
__declspec(dllimport) character **__cdecl _get_initial_wide_environment(void);
__declspec(dllimport) character ***__cdecl __p___wargv(void);
__declspec(dllimport) character *__cdecl _get_wide_winmain_command_line(void);
#define arguments __p___wargv
#define configure_arguments _configure_wide_argv
#define initialize_environment _initialize_wide_environment
#define initial_environment _get_initial_wide_environment
#define command_line _get_wide_winmain_command_line
#endif

#if defined(ENTRY_MAIN) || defined(ENTRY_WMAIN)
#ifdef ENTRY_MAIN
#define user_main main
#define entry_point mainCRTStartup
#else
#define user_main wmain
#define entry_point wmainCRTStartup
#endif
int __cdecl user_main(int, character **, character **);
enum { APP_TYPE = CONSOLE_APP };
static int call_user_main(void) { return user_main(*__p___argc(), *arguments(), initial_environment()); }
#else
#ifdef ENTRY_WINMAIN
#define user_main WinMain
#define entry_point WinMainCRTStartup
#else
#define user_main wWinMain
#define entry_point wWinMainCRTStartup
#endif
int __stdcall user_main(void *, void *, character *, int);
extern char __ImageBase; /* made by the linker */
enum { APP_TYPE = GUI_APP };
static int call_user_main(void) { return user_main(&__ImageBase, 0, command_line(), SHOW_DEFAULT); }
#endif

static void __cdecl terminate_module(void)
{
    _initterm(__ocrt_xp_first, __ocrt_xp_last);
    _initterm(__ocrt_xt_first, __ocrt_xt_last);
}

static void construct(void)
{
    _set_app_type(APP_TYPE);
    _set_fmode(TEXT_MODE);
    *__p__commode() = 0;
    if (configure_arguments(UNEXPANDED_ARGUMENTS) != 0 || initialize_environment() != 0)
        _exit(STARTUP_FAILED);
    if (_initterm_e(__ocrt_xi_first, __ocrt_xi_last) != 0)
        _exit(STARTUP_FAILED);
    /* Registered before any constructor runs, so that it runs after every destructor. */
    _crt_atexit(terminate_module);
    _initterm(__ocrt_xc_first, __ocrt_xc_last);
}

/* Not inlined into the entry point: that one changes the cookie and so must hold none. */
static __declspec(noinline) int run(void)
{
    __try {
        construct();
        exit(call_user_main());
    } __except (_seh_filter_exe(_exception_code(), _exception_info())) {
        _exit(_exception_code());
    }
    return STARTUP_FAILED;
}

int __cdecl entry_point(void)
{
    __security_init_cookie();
    return run();
}

#pragma comment(lib, "vcruntime")
#pragma comment(lib, "ucrt")
#pragma comment(lib, "kernel32")
