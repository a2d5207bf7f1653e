/* long double is double here, and Windows' SDK has these functions inline:
 * https://learn.microsoft.com/cpp/c-runtime-library/floating-point-support
 */
/* Wine's has its arguments the wrong way round. */
#define atan2l xbuild_atan2l
#include_next <math.h>
#undef atan2l
#ifndef XBUILD_MATH_H
#define XBUILD_MATH_H
#ifdef __cplusplus
extern "C" {
#endif
__declspec(dllimport) int __cdecl abs(int x);
__declspec(dllimport) long __cdecl labs(long x);
__declspec(dllimport) long long __cdecl llabs(long long x);
__declspec(dllimport) double __cdecl atof(const char *text);
__declspec(dllimport) double __cdecl _atof_l(const char *text, _locale_t locale);
#ifdef _M_X64
__declspec(dllimport) int __cdecl _get_FMA3_enable(void);
__declspec(dllimport) int __cdecl _set_FMA3_enable(int flag);
#endif
static __inline long double __cdecl _chgsignl(long double x) { return _chgsign((double)x); }
static __inline long double __cdecl lgammal(long double x) { return lgamma((double)x); }
static __inline long double __cdecl acosl(long double x) { return acos((double)x); }
static __inline long double __cdecl asinl(long double x) { return asin((double)x); }
static __inline long double __cdecl atanl(long double x) { return atan((double)x); }
static __inline long double __cdecl ceill(long double x) { return ceil((double)x); }
static __inline long double __cdecl cosl(long double x) { return cos((double)x); }
static __inline long double __cdecl coshl(long double x) { return cosh((double)x); }
static __inline long double __cdecl expl(long double x) { return exp((double)x); }
static __inline long double __cdecl fabsl(long double x) { return fabs((double)x); }
static __inline long double __cdecl floorl(long double x) { return floor((double)x); }
static __inline long double __cdecl logl(long double x) { return log((double)x); }
static __inline long double __cdecl log10l(long double x) { return log10((double)x); }
static __inline long double __cdecl sinl(long double x) { return sin((double)x); }
static __inline long double __cdecl sinhl(long double x) { return sinh((double)x); }
static __inline long double __cdecl sqrtl(long double x) { return sqrt((double)x); }
static __inline long double __cdecl tanl(long double x) { return tan((double)x); }
static __inline long double __cdecl tanhl(long double x) { return tanh((double)x); }
static __inline long double __cdecl fmodl(long double x, long double y) { return fmod((double)x, (double)y); }
static __inline long double __cdecl atan2l(long double y, long double x) { return atan2((double)y, (double)x); }
static __inline long double __cdecl hypotl(long double x, long double y) { return _hypot((double)x, (double)y); }
static __inline long double __cdecl powl(long double x, long double y) { return pow((double)x, (double)y); }
static __inline long double __cdecl frexpl(long double x, int *exponent) { return frexp((double)x, exponent); }
static __inline long double __cdecl ldexpl(long double x, int exponent) { return ldexp((double)x, exponent); }
static __inline long double __cdecl modfl(long double x, long double *whole) { return modf((double)x, (double *)whole); }
#ifdef __cplusplus
}
#endif
#endif
