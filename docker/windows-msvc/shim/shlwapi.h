/* Connection points, which newer declarations of shlwapi.h need. */
#include_next <shlwapi.h>
#include <ocidl.h>
