/* Wine's memoryapi.h may be included only once. */
#ifndef XBUILD_MEMORYAPI_H
#define XBUILD_MEMORYAPI_H
#include <windows.h>
#include_next <memoryapi.h>
#endif
