/* The bounds of the lists that compilers build by placing function pointers in .CRT$X?? sections: the linker
 * sorts grouped sections by what follows the `$`, so entries land between ..A and ..Z.
 *   XI: C initialisers, which may fail; XC: C++ constructors; XP: pre-terminators; XT: terminators.
 * "CRT initialization" (see ocrt.h).
 */
#include "ocrt.h"

#pragma section(".CRT$XIA", read)
#pragma section(".CRT$XIZ", read)
#pragma section(".CRT$XCA", read)
#pragma section(".CRT$XCZ", read)
#pragma section(".CRT$XPA", read)
#pragma section(".CRT$XPZ", read)
#pragma section(".CRT$XTA", read)
#pragma section(".CRT$XTZ", read)

IN_SECTION(".CRT$XIA") int_function __ocrt_xi_first[1] = {0};
IN_SECTION(".CRT$XIZ") int_function __ocrt_xi_last[1] = {0};
IN_SECTION(".CRT$XCA") void_function __ocrt_xc_first[1] = {0};
IN_SECTION(".CRT$XCZ") void_function __ocrt_xc_last[1] = {0};
IN_SECTION(".CRT$XPA") void_function __ocrt_xp_first[1] = {0};
IN_SECTION(".CRT$XPZ") void_function __ocrt_xp_last[1] = {0};
IN_SECTION(".CRT$XTA") void_function __ocrt_xt_first[1] = {0};
IN_SECTION(".CRT$XTZ") void_function __ocrt_xt_last[1] = {0};

/* Both are read-only once loaded. */
#pragma comment(linker, "/merge:.CRT=.rdata")
#pragma comment(linker, "/merge:.00cfg=.rdata")
