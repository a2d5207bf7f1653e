/* https://learn.microsoft.com/cpp/c-runtime-library/reference/static-assert-macro */
#include_next <crtdbg.h>
#ifndef _STATIC_ASSERT
#define _STATIC_ASSERT(expression) typedef char __static_assert_t[(expression) != 0]
#endif
