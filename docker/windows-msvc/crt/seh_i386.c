/* i686: the handler of functions with __try and a stack cookie hands this module's cookie to vcruntime's. */
#include "ocrt.h"

typedef void(__fastcall *cookie_check)(uptr);
void __fastcall __security_check_cookie(uptr);
__declspec(dllimport) int __cdecl _except_handler4_common(uptr *, cookie_check, void *, void *, void *, void *);

int __cdecl _except_handler4(void *record, void *registration, void *context, void *dispatcher)
{
    return _except_handler4_common(&__security_cookie, __security_check_cookie, record, registration, context,
                                   dispatcher);
}
