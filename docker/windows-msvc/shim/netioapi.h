/* As in Windows' SDK, there only for who includes winsock2.h. */
#ifdef _WINSOCK2API_
#include <ws2ipdef.h>
#include <nldef.h>
#include_next <netioapi.h>
#include <xbuild/more/netioapi.h>
#endif
