/* Wine lacks rsize_t: https://learn.microsoft.com/cpp/c-runtime-library/standard-types */
#include_next <corecrt.h>
#ifndef XBUILD_CORECRT_H
#define XBUILD_CORECRT_H
typedef size_t rsize_t;
#endif
