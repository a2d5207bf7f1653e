/* DllMain of a DLL that has none. In an object of its own, so that the linker takes it only then. */
#include "ocrt.h"

int __stdcall DllMain(void *module, dword reason, void *reserved)
{
    (void)module, (void)reason, (void)reserved;
    return 1;
}
