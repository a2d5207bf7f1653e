/* Steps through wide text, inline in Windows' SDK too:
 * https://learn.microsoft.com/cpp/c-runtime-library/reference/strdec-wcsdec-mbsdec-mbsdec-l and its siblings
 */
#include_next <tchar.h>
#ifndef XBUILD_TCHAR_H
#define XBUILD_TCHAR_H
#include <wchar.h>
#ifdef __cplusplus
extern "C" {
#endif
static __inline wchar_t *__cdecl _wcsdec(const wchar_t *start, const wchar_t *current)
{
    return (wchar_t *)(start < current ? current - 1 : NULL);
}
static __inline wchar_t *__cdecl _wcsinc(const wchar_t *current) { return (wchar_t *)(current + 1); }
static __inline unsigned int __cdecl _wcsnextc(const wchar_t *text) { return (unsigned int)*text; }
static __inline size_t __cdecl _wcsncnt(const wchar_t *text, size_t count)
{
    size_t length = 0;
    while (length < count && text[length]) ++length;
    return length;
}
static __inline wchar_t *__cdecl _wcsninc(const wchar_t *text, size_t count)
{
    return (wchar_t *)(text + _wcsncnt(text, count));
}
static __inline wchar_t *__cdecl _wcsspnp(const wchar_t *text, const wchar_t *set)
{
    text += wcsspn(text, set);
    return (wchar_t *)(*text ? text : NULL);
}
#ifdef __cplusplus
}
#endif
#endif
