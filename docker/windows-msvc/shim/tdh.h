/* Wine has no tdh.h; it is about the events of evntcons.h. */
#include <windows.h>
#include <evntcons.h>
