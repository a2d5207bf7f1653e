#ifdef __APPLE__
#define NAME(name) _##name
#else
#define NAME(name) name
#endif
    .text
    .globl NAME(assembled)
NAME(assembled):
    leal 1(%rdi), %eax
    ret
