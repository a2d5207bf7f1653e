/* C++ thread_local objects with constructors (.CRT$XDA to .CRT$XDZ, run once in each thread) and destructors
 * (__tlregdtor). Only objects that name one of these symbols pull it in.
 *
 * A thread that existed before the module was loaded gets no THREAD_ATTACH, so compilers check __tls_guard at each
 * use and call __dyn_tls_on_demand_init: /Zc:tlsGuards,
 * https://learn.microsoft.com/cpp/build/reference/zc-tlsguards. Objects compiled without these checks rely on
 * the callback.
 *
 * In the thread that loads the module the loader calls TLS callbacks before the entry point, when neither the
 * exit-handler table nor a global object exists yet. So this attach is left to .CRT$XCX, which the start-up code
 * runs after all constructors of globals.
 *
 * At the end of the process thread_local objects of the main thread die before globals: the UCRT's exit() calls
 * what _register_thread_local_exe_atexit_callback was given first.
 */
#include "ocrt.h"

#pragma section(".CRT$XCX", read)
#pragma section(".CRT$XDA", read)
#pragma section(".CRT$XDZ", read)
#pragma section(".CRT$XLC", read)

__declspec(dllimport) void *__cdecl malloc(__SIZE_TYPE__);
__declspec(dllimport) void __cdecl free(void *);
__declspec(dllimport) __declspec(noreturn) void __cdecl abort(void);
__declspec(dllimport) void __cdecl _register_thread_local_exe_atexit_callback(tls_callback);

IN_SECTION(".CRT$XDA") void_function __ocrt_xd_first[1] = {0};
IN_SECTION(".CRT$XDZ") void_function __ocrt_xd_last[1] = {0};

__declspec(thread) unsigned char __tls_guard;

struct destructor {
    struct destructor *next;
    void_function run;
};
static __declspec(thread) struct destructor *destructors;

void __cdecl __dyn_tls_on_demand_init(void)
{
    void_function *entry;
    if (__tls_guard)
        return;
    __tls_guard = 1;
    for (entry = __ocrt_xd_first + 1; entry < __ocrt_xd_last; entry++)
        if (*entry)
            (*entry)();
}

int __cdecl __tlregdtor(void_function run)
{
    struct destructor *added = malloc(sizeof *added);
    if (!added)
        abort(); /* callers ignore the result, and an object that is never destroyed is a silent error */
    added->run = run;
    added->next = destructors;
    destructors = added;
    return 0;
}

static void run_destructors(void)
{
    while (destructors) { /* a destructor may register another one */
        struct destructor *first = destructors;
        destructors = first->next;
        first->run();
        free(first);
    }
}

/* The name is part of the contract: compilers ask the linker to include it. */
void __stdcall __dyn_tls_init(void *module, dword reason, void *reserved)
{
    (void)module, (void)reserved;
    if (reason == THREAD_ATTACH)
        __dyn_tls_on_demand_init();
    else if (reason == THREAD_DETACH || reason == PROCESS_DETACH)
        run_destructors();
}

static void __cdecl start(void)
{
    if (!__ocrt_is_dll)
        _register_thread_local_exe_atexit_callback(__dyn_tls_init);
    __dyn_tls_on_demand_init();
}

IN_SECTION(".CRT$XLC") tls_callback __ocrt_tls_callback = __dyn_tls_init;
IN_SECTION(".CRT$XCX") void_function __ocrt_tls_start = start;
