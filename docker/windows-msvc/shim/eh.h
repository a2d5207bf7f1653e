/* Wine's eh.h gives these functions of C the linkage of C++, and lacks two:
 * https://learn.microsoft.com/cpp/c-runtime-library/exception-handling-routines
 */
#ifdef __cplusplus
extern "C" {
#endif
#include_next <eh.h>
#ifndef XBUILD_EH_H
#define XBUILD_EH_H
__declspec(dllimport) terminate_function __cdecl _get_terminate(void);
__declspec(dllimport) _se_translator_function __cdecl _set_se_translator(_se_translator_function function);
__declspec(dllimport) bool __cdecl __uncaught_exception(void);
#endif
#ifdef __cplusplus
}
#endif
