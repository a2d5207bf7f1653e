/* Wine's evntrace.h uses what is in wmistr.h; newer declarations need the filters of evntprov.h. */
#include <wmistr.h>
#include_next <evntrace.h>
#include <evntprov.h>
