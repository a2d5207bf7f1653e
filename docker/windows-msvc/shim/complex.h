/* Functions of the UCRT that Wine lacks: https://learn.microsoft.com/cpp/c-runtime-library/complex-math-support */
#include_next <complex.h>
#ifndef XBUILD_COMPLEX_H
#define XBUILD_COMPLEX_H
#ifdef __cplusplus
extern "C" {
#endif
__declspec(dllimport) _Dcomplex __cdecl _Cbuild(double re, double im);
__declspec(dllimport) _Dcomplex __cdecl _Cmulcc(_Dcomplex x, _Dcomplex y);
__declspec(dllimport) _Dcomplex __cdecl _Cmulcr(_Dcomplex x, double y);
__declspec(dllimport) _Dcomplex __cdecl clog10(_Dcomplex x);
__declspec(dllimport) double __cdecl norm(_Dcomplex x);
__declspec(dllimport) _Fcomplex __cdecl _FCbuild(float re, float im);
__declspec(dllimport) _Fcomplex __cdecl _FCmulcc(_Fcomplex x, _Fcomplex y);
__declspec(dllimport) _Fcomplex __cdecl _FCmulcr(_Fcomplex x, float y);
__declspec(dllimport) _Fcomplex __cdecl clog10f(_Fcomplex x);
__declspec(dllimport) float __cdecl normf(_Fcomplex x);
#ifdef __cplusplus
}
#endif
#endif
