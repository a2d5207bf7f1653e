#ifdef __APPLE__
#define NAME(name) _##name
#else
#define NAME(name) name
#endif
    .text
    .globl NAME(assembled)
    .p2align 2
NAME(assembled):
    add w0, w0, #1
    ret
