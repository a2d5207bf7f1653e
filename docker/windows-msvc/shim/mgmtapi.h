/* Values of SNMP, which its newer declarations need. */
#include <windows.h>
#include <snmp.h>
#include_next <mgmtapi.h>
