/* Stack probes: a function whose frame is a page or more touches every page in order, so that the guard page moves.
 *   x86_64: rax is the size in bytes, kept; only r10, r11 and flags change.
 *     https://learn.microsoft.com/cpp/build/prolog-and-epilog
 *   aarch64: x15 is the size in units of 16 bytes, kept; only x16, x17 and flags change.
 *     https://learn.microsoft.com/cpp/build/arm64-windows-abi-conventions
 *   i686: eax is the size in bytes; esp is lowered by it, everything but eax and flags is kept.
 *     https://learn.microsoft.com/windows/win32/devnotes/-win32-chkstk
 */
    .text
    .def __chkstk; .scl 2; .type 32; .endef
    .globl __chkstk
#if defined(__x86_64__)
__chkstk:
    leaq 8(%rsp), %r10          /* the caller's stack pointer */
    movq %rax, %r11
1:  cmpq $4096, %r11
    jb 2f
    subq $4096, %r10
    testb %r11b, (%r10)
    subq $4096, %r11
    jmp 1b
2:  subq %r11, %r10
    testb %r11b, (%r10)
    ret
#elif defined(__aarch64__)
__chkstk:
    lsl x16, x15, #4
    mov x17, sp
1:  cmp x16, #4096
    b.lo 2f
    sub x17, x17, #4096
    ldr xzr, [x17]
    sub x16, x16, #4096
    b 1b
2:  sub x17, x17, x16
    ldr xzr, [x17]
    ret
#elif defined(__i386__)
    .def __alloca_probe; .scl 2; .type 32; .endef
    .globl __alloca_probe
__chkstk:
__alloca_probe:
    pushl %ecx
    leal 8(%esp), %ecx          /* the caller's stack pointer */
1:  cmpl $4096, %eax
    jb 2f
    subl $4096, %ecx
    testb %al, (%ecx)
    subl $4096, %eax
    jmp 1b
2:  subl %eax, %ecx
    testb %al, (%ecx)
    movl %esp, %eax
    movl %ecx, %esp
    movl (%eax), %ecx
    pushl 4(%eax)               /* the return address moves to the new top */
    ret

    .globl @feat.00
    .set @feat.00, 1
#endif
