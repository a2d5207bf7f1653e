/* Windows' winioctl.h has what Wine keeps in drivers' headers. */
#include_next <winioctl.h>
#include <devpropdef.h>
#include <ntddser.h>
#include <ntddstor.h>
