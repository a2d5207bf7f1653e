/* Aligned memory, of which Wine lacks a part: https://learn.microsoft.com/cpp/c-runtime-library/memory-allocation */
#include_next <malloc.h>
#ifndef XBUILD_MALLOC_H
#define XBUILD_MALLOC_H
#ifdef __cplusplus
extern "C" {
#endif
__declspec(dllimport) size_t __cdecl _aligned_msize(void *block, size_t alignment, size_t offset);
__declspec(dllimport) void *__cdecl _aligned_recalloc(void *block, size_t count, size_t size, size_t alignment);
__declspec(dllimport) void *__cdecl _aligned_offset_recalloc(
    void *block, size_t count, size_t size, size_t alignment, size_t offset);
#ifdef __cplusplus
}
#endif
#endif
