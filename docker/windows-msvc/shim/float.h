/* Wine has _fpclassf in math.h, and lacks _set_controlfp:
 * https://learn.microsoft.com/cpp/c-runtime-library/floating-point-support
 */
#include_next <float.h>
#ifndef XBUILD_FLOAT_H
#define XBUILD_FLOAT_H
#ifdef __cplusplus
extern "C" {
#endif
__declspec(dllimport) void __cdecl _set_controlfp(unsigned int value, unsigned int mask);
#ifndef _M_IX86
__declspec(dllimport) int __cdecl _fpclassf(float x);
#endif
#ifdef __cplusplus
}
#endif
#endif
