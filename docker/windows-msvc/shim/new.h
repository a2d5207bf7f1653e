/* What malloc and new do without memory: https://learn.microsoft.com/cpp/c-runtime-library/reference/set-new-handler */
#ifdef __cplusplus
#include <new>
#endif
#ifndef XBUILD_NEW_H
#define XBUILD_NEW_H
#include <corecrt.h>
#ifdef __cplusplus
extern "C" {
#endif
typedef int(__cdecl *_PNH)(size_t);
__declspec(dllimport) _PNH __cdecl _query_new_handler(void);
__declspec(dllimport) _PNH __cdecl _set_new_handler(_PNH handler);
__declspec(dllimport) int __cdecl _query_new_mode(void);
__declspec(dllimport) int __cdecl _set_new_mode(int mode);
#ifdef __cplusplus
}
#endif
#endif
