/* The entry point of a DLL.
 *
 * Attach runs the initialisers of the module and then DllMain; detach runs DllMain and then what the module
 * registered to run at its end. The two contracts that are easy to get wrong:
 *   - "If the return value is FALSE when DllMain is called because the process uses the LoadLibrary function, [...]
 *     the system immediately calls your entry-point function with the DLL_PROCESS_DETACH value": DllMain sees one
 *     detach for its failed attach, and everything constructed is destroyed, once;
 *   - a detach after an attach that failed in this file must not run anything a second time.
 * DllMain entry point, https://learn.microsoft.com/windows/win32/dlls/dllmain
 * DLLs and Visual C++ run-time library behavior,
 *   https://learn.microsoft.com/cpp/build/run-time-library-behavior
 */
#include "ocrt.h"

int __stdcall DllMain(void *module, dword reason, void *reserved);

static int attached;

static int construct(void)
{
    __ocrt_is_dll = 1;
    if (_initialize_onexit_table(&__ocrt_onexit_table) != 0)
        return 0;
    if (_initterm_e(__ocrt_xi_first, __ocrt_xi_last) != 0)
        return 0;
    _initterm(__ocrt_xc_first, __ocrt_xc_last);
    return 1;
}

static void destruct(void)
{
    _execute_onexit_table(&__ocrt_onexit_table);
    _initterm(__ocrt_xp_first, __ocrt_xp_last);
    _initterm(__ocrt_xt_first, __ocrt_xt_last);
}

static int detach(void *module, void *reserved)
{
    int result;
    attached = 0;
    result = DllMain(module, PROCESS_DETACH, reserved);
    destruct();
    return result;
}

/* Not inlined into the entry point: that one changes the cookie and so must hold none. */
static __declspec(noinline) int dispatch(void *module, dword reason, void *reserved)
{
    if (reason == PROCESS_ATTACH) {
        if (!construct())
            return 0;
        attached = 1;
        if (DllMain(module, PROCESS_ATTACH, reserved))
            return 1;
        detach(module, reserved);
        return 0;
    }
    if (!attached)
        return 1;
    if (reason == PROCESS_DETACH)
        return detach(module, reserved);
    return DllMain(module, reason, reserved);
}

int __stdcall _DllMainCRTStartup(void *module, dword reason, void *reserved)
{
    if (reason == PROCESS_ATTACH)
        __security_init_cookie();
    return dispatch(module, reason, reserved);
}

#pragma comment(lib, "vcruntime")
#pragma comment(lib, "ucrt")
#pragma comment(lib, "kernel32")
