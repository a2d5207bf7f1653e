/* The functions of addresses are there for who includes winsock2.h. */
#include_next <mstcpip.h>
#ifdef _WINSOCK2API_
#include <ws2ipdef.h>
#include <xbuild/more/mstcpip.h>
#endif
