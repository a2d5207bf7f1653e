/* Functions of fenv.h that Windows' SDK has inline:
 * https://learn.microsoft.com/cpp/c-runtime-library/reference/feraiseexcept
 */
#include_next <fenv.h>
#ifndef XBUILD_FENV_H
#define XBUILD_FENV_H
#ifdef __cplusplus
extern "C" {
#endif
/* Each exception by an operation that has it for its result (C11, annex F). */
static __inline int __cdecl feraiseexcept(int excepts)
{
    volatile double result, zero = 0.0, one = 1.0, three = 3.0, big = 1.7976931348623157e308, small = 2.2250738585072014e-308;
    if (excepts & FE_INVALID) result = zero / zero;
    if (excepts & FE_DIVBYZERO) result = one / zero;
    if (excepts & FE_OVERFLOW) result = big * big;
    if (excepts & FE_UNDERFLOW) result = small * small;
    if (excepts & FE_INEXACT) result = one / three;
    (void)result;
    return 0;
}
static __inline int __cdecl feupdateenv(const fenv_t *environment)
{
    int raised = fetestexcept(FE_ALL_EXCEPT);
    return fesetenv(environment) || feraiseexcept(raised);
}
#ifdef __cplusplus
}
#endif
#endif
