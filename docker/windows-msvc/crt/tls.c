/* The TLS directory, which the linker finds by the name _tls_used: the template of a thread's block is what
 * compilers put between .tls and .tls$ZZZ, the callbacks are what lies between .CRT$XLA and .CRT$XLZ (null ends them;
 * Rust's std places one in .CRT$XLB). PE format, "The .tls Section".
 */
#include "ocrt.h"

#pragma section(".tls", read, write)
#pragma section(".tls$ZZZ", read, write)
#pragma section(".CRT$XLA", read)
#pragma section(".CRT$XLZ", read)
#pragma section(".rdata$T", read)

struct tls_directory {
    uptr data_start, data_end, index, callbacks;
    dword zero_fill_size, characteristics;
};

dword _tls_index;
IN_SECTION(".tls") char _tls_start = 0;
IN_SECTION(".tls$ZZZ") char _tls_end = 0;
IN_SECTION(".CRT$XLA") tls_callback __xl_a = 0;
IN_SECTION(".CRT$XLZ") tls_callback __xl_z = 0;

extern const struct tls_directory _tls_used;
IN_SECTION(".rdata$T")
const struct tls_directory _tls_used = {
    (uptr)&_tls_start, (uptr)&_tls_end, (uptr)&_tls_index, (uptr)(&__xl_a + 1), 0, 0,
};
