/* Wine makes socklen_t a macro, which a declaration of that type by its user breaks. */
#include_next <ws2tcpip.h>
#ifdef socklen_t
#undef socklen_t
typedef int socklen_t;
#endif
