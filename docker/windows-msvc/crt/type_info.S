/* The vftable of type_info, which every type descriptor (of C++ RTTI, and of Rust's panics) points to. vcruntime
 * compares and names types through the descriptor's name; no call goes through the only slot, the destructor.
 */
    .section .rdata,"dr"
    .p2align 3
    .globl "??_7type_info@@6B@"
"??_7type_info@@6B@":
#if defined(__i386__)
    .long __purecall

    .globl @feat.00
    .set @feat.00, 1
#else
    .quad _purecall
#endif
