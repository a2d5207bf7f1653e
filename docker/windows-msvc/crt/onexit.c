/* atexit and _onexit of the module.
 *
 * A DLL may be unloaded long before the process ends, so it keeps a table of its own that its detach runs; an EXE
 * registers with the UCRT, whose exit() runs the process's table.
 * _onexit, _initialize_onexit_table and _register_onexit_function:
 *   https://learn.microsoft.com/cpp/c-runtime-library/reference/initialize-onexit-table
 */
#include "ocrt.h"

int __ocrt_is_dll;
onexit_table __ocrt_onexit_table;

int_function __cdecl _onexit(int_function handler)
{
    int failed = __ocrt_is_dll ? _register_onexit_function(&__ocrt_onexit_table, handler)
                               : _crt_atexit((void_function)handler);
    return failed ? 0 : handler;
}

int __cdecl atexit(void_function handler) { return _onexit((int_function)handler) ? 0 : -1; }
