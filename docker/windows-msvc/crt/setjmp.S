/* Compilers call _setjmp or _setjmpex with the buffer and the frame; vcruntime exports them as __intrinsic_*. They
 * must be reached by a jump: the saved return address and stack pointer are the caller's. i686 imports _setjmp3.
 */
    .text
#if defined(__x86_64__)
    .def _setjmp; .scl 2; .type 32; .endef
    .globl _setjmp
_setjmp:
    jmpq *__imp___intrinsic_setjmp(%rip)
    .def _setjmpex; .scl 2; .type 32; .endef
    .globl _setjmpex
_setjmpex:
    jmpq *__imp___intrinsic_setjmpex(%rip)
#elif defined(__aarch64__)
    .def _setjmpex; .scl 2; .type 32; .endef
    .globl _setjmpex
_setjmpex:
    adrp x16, __imp___intrinsic_setjmpex
    ldr x16, [x16, :lo12:__imp___intrinsic_setjmpex]
    br x16
#endif
