/* Options of printf and scanf, which Windows' headers have in functions and Wine's in macros. */
#include_next <corecrt_stdio_config.h>
#ifndef XBUILD_CORECRT_STDIO_CONFIG_H
#define XBUILD_CORECRT_STDIO_CONFIG_H
static __inline unsigned __int64 *__local_stdio_printf_options(void)
{
    static unsigned __int64 options;
    return &options;
}
static __inline unsigned __int64 *__local_stdio_scanf_options(void)
{
    static unsigned __int64 options;
    return &options;
}
#endif
