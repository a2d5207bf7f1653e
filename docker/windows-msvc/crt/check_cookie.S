/* __security_check_cookie: in rcx (x86_64) or ecx (i686) is the cookie read back from the frame. In assembly because
 * it is called with the function's result in place: it may change nothing but the flags.
 */
    .text
#if defined(__x86_64__)
    .def __security_check_cookie; .scl 2; .type 32; .endef
    .globl __security_check_cookie
__security_check_cookie:
    cmpq __security_cookie(%rip), %rcx
    jne 1f
    ret
1:  jmp __report_gsfailure
#elif defined(__i386__)
    .def @__security_check_cookie@4; .scl 2; .type 32; .endef
    .globl @__security_check_cookie@4
@__security_check_cookie@4:
    cmpl ___security_cookie, %ecx
    jne 1f
    ret
1:  pushl %ecx
    call ___report_gsfailure
    int3

    .globl @feat.00
    .set @feat.00, 1
#endif
