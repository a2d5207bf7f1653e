/* https://learn.microsoft.com/cpp/c-runtime-library/reference/exit-exit-exit */
#include_next <process.h>
#ifndef XBUILD_PROCESS_H
#define XBUILD_PROCESS_H
#ifdef __cplusplus
extern "C" {
#endif
__declspec(dllimport) __declspec(noreturn) void __cdecl _Exit(int status);
#ifdef __cplusplus
}
#endif
#endif
