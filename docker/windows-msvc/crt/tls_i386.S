/* i686: the offset of ThreadLocalStoragePointer in the TEB, which code adds to fs. */
    .globl __tls_array
    .set __tls_array, 0x2C

    .globl @feat.00
    .set @feat.00, 1
