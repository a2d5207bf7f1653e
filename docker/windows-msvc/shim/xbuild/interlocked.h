/* The interlocked, bit and ordered-access functions of winnt.h that Wine's lacks, on the compiler's intrinsics:
 * https://learn.microsoft.com/windows/win32/sync/interlocked-variable-access
 * https://learn.microsoft.com/cpp/intrinsics/intrinsics-available-on-all-architectures
 * Where a name asks for less order than a full barrier (Acquire, Release, NoFence), it gets the full one, which is what
 * these names mean on x86 too.
 */
#ifndef XBUILD_INTERLOCKED_H
#define XBUILD_INTERLOCKED_H

#ifdef __cplusplus
extern "C" {
#endif

/* The compiler knows these names; declared, they need no <intrin.h>. */
char _InterlockedAnd8(char volatile *, char);
char _InterlockedCompareExchange8(char volatile *, char, char);
char _InterlockedExchange8(char volatile *, char);
char _InterlockedExchangeAdd8(char volatile *, char);
char _InterlockedOr8(char volatile *, char);
char _InterlockedXor8(char volatile *, char);
short _InterlockedAnd16(short volatile *, short);
short _InterlockedCompareExchange16(short volatile *, short, short);
short _InterlockedExchange16(short volatile *, short);
short _InterlockedOr16(short volatile *, short);
short _InterlockedXor16(short volatile *, short);
unsigned char _bittest(long const *, long);
unsigned char _bittestandcomplement(long *, long);
unsigned char _bittestandreset(long *, long);
unsigned char _bittestandset(long *, long);
unsigned char _interlockedbittestandreset(long volatile *, long);
unsigned char _interlockedbittestandset(long volatile *, long);
#ifdef _WIN64
__int64 _InterlockedExchange64(__int64 volatile *, __int64);
unsigned char _InterlockedCompareExchange128(__int64 volatile *, __int64, __int64, __int64 *);
unsigned char _BitScanForward64(unsigned long *, unsigned __int64);
unsigned char _BitScanReverse64(unsigned long *, unsigned __int64);
unsigned char _bittest64(__int64 const *, __int64);
unsigned char _bittestandcomplement64(__int64 *, __int64);
unsigned char _bittestandreset64(__int64 *, __int64);
unsigned char _bittestandset64(__int64 *, __int64);
unsigned char _interlockedbittestandreset64(__int64 volatile *, __int64);
unsigned char _interlockedbittestandset64(__int64 volatile *, __int64);
#endif
unsigned char _rotl8(unsigned char, unsigned char);
unsigned short _rotl16(unsigned short, unsigned char);
unsigned char _rotr8(unsigned char, unsigned char);
unsigned short _rotr16(unsigned short, unsigned char);
unsigned int __cdecl _rotl(unsigned int, int);
unsigned int __cdecl _rotr(unsigned int, int);
unsigned __int64 __cdecl _rotl64(unsigned __int64, int);
unsigned __int64 __cdecl _rotr64(unsigned __int64, int);
void _ReadWriteBarrier(void);
#if defined(__x86_64__) || defined(__i386__)
unsigned __int64 __rdtsc(void);
unsigned __int64 __readpmc(unsigned long);
void _mm_lfence(void);
void _mm_mfence(void);
void _mm_sfence(void);
#endif
#ifdef __x86_64__
__int64 __mulh(__int64, __int64);
unsigned __int64 __umulh(unsigned __int64, unsigned __int64);
__int64 _mul128(__int64, __int64, __int64 *);
unsigned __int64 _umul128(unsigned __int64, unsigned __int64, unsigned __int64 *);
unsigned __int64 __shiftleft128(unsigned __int64, unsigned __int64, unsigned char);
unsigned __int64 __shiftright128(unsigned __int64, unsigned __int64, unsigned char);
#endif

#define InterlockedAnd8 _InterlockedAnd8
#define InterlockedAnd16 _InterlockedAnd16
#define InterlockedCompareExchange8 _InterlockedCompareExchange8
#define InterlockedCompareExchange16 _InterlockedCompareExchange16
#define InterlockedExchange8 _InterlockedExchange8
#define InterlockedExchange16 _InterlockedExchange16
#define InterlockedExchangeAdd8 _InterlockedExchangeAdd8
#define InterlockedOr8 _InterlockedOr8
#define InterlockedOr16 _InterlockedOr16
#define InterlockedXor8 _InterlockedXor8
#define InterlockedXor16 _InterlockedXor16
#define BitTest _bittest
#define BitTestAndComplement _bittestandcomplement
#define BitTestAndReset _bittestandreset
#define BitTestAndSet _bittestandset
#define InterlockedBitTestAndReset _interlockedbittestandreset
#define InterlockedBitTestAndSet _interlockedbittestandset
#define RotateLeft8 _rotl8
#define RotateLeft16 _rotl16
#define RotateLeft32 _rotl
#define RotateLeft64 _rotl64
#define RotateRight8 _rotr8
#define RotateRight16 _rotr16
#define RotateRight32 _rotr
#define RotateRight64 _rotr64
#ifdef _WIN64
#define InterlockedExchange64 _InterlockedExchange64
#define InterlockedCompareExchange128 _InterlockedCompareExchange128
#define BitScanForward64 _BitScanForward64
#define BitScanReverse64 _BitScanReverse64
#define BitTest64 _bittest64
#define BitTestAndComplement64 _bittestandcomplement64
#define BitTestAndReset64 _bittestandreset64
#define BitTestAndSet64 _bittestandset64
#define InterlockedBitTestAndReset64 _interlockedbittestandreset64
#define InterlockedBitTestAndSet64 _interlockedbittestandset64
#else
static FORCEINLINE __int64 InterlockedExchange64(__int64 volatile *target, __int64 value)
{
    return __atomic_exchange_n(target, value, __ATOMIC_SEQ_CST);
}
#endif
#if defined(__x86_64__) || defined(__i386__)
#define ReadTimeStampCounter() __rdtsc()
#define ReadPMC __readpmc
#define LoadFence _mm_lfence
#define MemoryFence _mm_mfence
#define StoreFence _mm_sfence
#endif
#ifdef __x86_64__
#define FastFence __faststorefence
#define MultiplyHigh __mulh
#define UnsignedMultiplyHigh __umulh
#define Multiply128 _mul128
#define UnsignedMultiply128 _umul128
#define ShiftLeft128 __shiftleft128
#define ShiftRight128 __shiftright128
#endif
#define PF_TEMPORAL_LEVEL_1 1
#define PF_TEMPORAL_LEVEL_2 2
#define PF_TEMPORAL_LEVEL_3 3
#define PF_NON_TEMPORAL_LEVEL_ALL 0
#define PreFetchCacheLine(level, address) __builtin_prefetch((const void *)(address), 0, (level) ? 4 - (level) : 0)
#define PrefetchForWrite(address) __builtin_prefetch((const void *)(address), 1)
#define ReadForWriteAccess(address) (__builtin_prefetch((const void *)(address), 1), *(address))
#define BarrierAfterRead() _ReadWriteBarrier()

#define XBUILD_FETCH(name, type, builtin)                                                                             \
    static FORCEINLINE type name(type volatile *target, type value)                                                   \
    {                                                                                                                 \
        return builtin(target, value, __ATOMIC_SEQ_CST);                                                              \
    }
XBUILD_FETCH(xbuild_subtract, LONG, __atomic_fetch_sub)
XBUILD_FETCH(xbuild_subtract64, LONG64, __atomic_fetch_sub)
XBUILD_FETCH(xbuild_add16, SHORT, __atomic_fetch_add)
#undef XBUILD_FETCH
static FORCEINLINE BOOLEAN xbuild_complement(LONG volatile *target, LONG bit)
{
    LONG mask = 1L << (bit & 31);
    return (__atomic_fetch_xor(target + (bit >> 5), mask, __ATOMIC_SEQ_CST) & mask) != 0;
}
static FORCEINLINE BOOLEAN xbuild_complement64(LONG64 volatile *target, LONG64 bit)
{
    LONG64 mask = 1LL << (bit & 63);
    return (__atomic_fetch_xor(target + (bit >> 6), mask, __ATOMIC_SEQ_CST) & mask) != 0;
}
#define InterlockedExchangeSubtract xbuild_subtract
#define InterlockedExchangeAdd16 xbuild_add16
#define InterlockedBitTestAndComplement xbuild_complement
#define InterlockedBitTestAndComplement64 xbuild_complement64
#define InterlockedAddSizeT(target, value) InterlockedAdd64((LONG64 *)(target), value)
#define InterlockedSubtractSizeT(target, value) InterlockedAdd64((LONG64 *)(target), -(LONG64)(value))
#define InterlockedExchangeAddSizeT(target, value) InterlockedExchangeAdd64((LONG64 *)(target), value)
#define InterlockedExchangeSubtractSizeT(target, value) InterlockedExchangeAdd64((LONG64 *)(target), -(LONG64)(value))
#define InterlockedIncrementSizeT(target) InterlockedIncrement64((LONG64 *)(target))
#define InterlockedDecrementSizeT(target) InterlockedDecrement64((LONG64 *)(target))
#define InterlockedAndAffinity InterlockedAnd64
#define InterlockedOrAffinity InterlockedOr64
#define MultiplyExtract128 xbuild_multiply_extract
#define UnsignedMultiplyExtract128 xbuild_unsigned_multiply_extract
#define PopulationCount64 __builtin_popcountll
#ifdef _WIN64
static FORCEINLINE LONG64 xbuild_multiply_extract(LONG64 left, LONG64 right, BYTE shift)
{
    return (LONG64)(((__int128)left * right) >> shift);
}
static FORCEINLINE ULONG64 xbuild_unsigned_multiply_extract(ULONG64 left, ULONG64 right, BYTE shift)
{
    return (ULONG64)(((unsigned __int128)left * right) >> shift);
}
#endif

#define InterlockedAddAcquire InterlockedAdd
#define InterlockedAddRelease InterlockedAdd
#define InterlockedAddNoFence InterlockedAdd
#define InterlockedAddAcquire64 InterlockedAdd64
#define InterlockedAdd64Acquire InterlockedAdd64
#define InterlockedAddRelease64 InterlockedAdd64
#define InterlockedAdd64Release InterlockedAdd64
#define InterlockedAddNoFence64 InterlockedAdd64
#define InterlockedAdd64NoFence InterlockedAdd64
#define InterlockedIncrementAcquire InterlockedIncrement
#define InterlockedIncrementRelease InterlockedIncrement
#define InterlockedIncrementNoFence InterlockedIncrement
#define InterlockedIncrementAcquire64 InterlockedIncrement64
#define InterlockedIncrement64Acquire InterlockedIncrement64
#define InterlockedIncrementRelease64 InterlockedIncrement64
#define InterlockedIncrement64Release InterlockedIncrement64
#define InterlockedIncrementNoFence64 InterlockedIncrement64
#define InterlockedIncrement64NoFence InterlockedIncrement64
#define InterlockedIncrementAcquire16 InterlockedIncrement16
#define InterlockedIncrement16Acquire InterlockedIncrement16
#define InterlockedIncrementRelease16 InterlockedIncrement16
#define InterlockedIncrement16Release InterlockedIncrement16
#define InterlockedIncrementNoFence16 InterlockedIncrement16
#define InterlockedIncrement16NoFence InterlockedIncrement16
#define InterlockedDecrementAcquire InterlockedDecrement
#define InterlockedDecrementRelease InterlockedDecrement
#define InterlockedDecrementNoFence InterlockedDecrement
#define InterlockedDecrementAcquire64 InterlockedDecrement64
#define InterlockedDecrement64Acquire InterlockedDecrement64
#define InterlockedDecrementRelease64 InterlockedDecrement64
#define InterlockedDecrement64Release InterlockedDecrement64
#define InterlockedDecrementNoFence64 InterlockedDecrement64
#define InterlockedDecrement64NoFence InterlockedDecrement64
#define InterlockedDecrementAcquire16 InterlockedDecrement16
#define InterlockedDecrement16Acquire InterlockedDecrement16
#define InterlockedDecrementRelease16 InterlockedDecrement16
#define InterlockedDecrement16Release InterlockedDecrement16
#define InterlockedDecrementNoFence16 InterlockedDecrement16
#define InterlockedDecrement16NoFence InterlockedDecrement16
#define InterlockedExchangeAcquire InterlockedExchange
#define InterlockedExchangeNoFence InterlockedExchange
#define InterlockedExchangeAcquire64 InterlockedExchange64
#define InterlockedExchange64Acquire InterlockedExchange64
#define InterlockedExchangeNoFence64 InterlockedExchange64
#define InterlockedExchange64NoFence InterlockedExchange64
#define InterlockedExchangeAddAcquire InterlockedExchangeAdd
#define InterlockedExchangeAddRelease InterlockedExchangeAdd
#define InterlockedExchangeAddNoFence InterlockedExchangeAdd
#define InterlockedExchangeAddAcquire64 InterlockedExchangeAdd64
#define InterlockedExchangeAdd64Acquire InterlockedExchangeAdd64
#define InterlockedExchangeAddRelease64 InterlockedExchangeAdd64
#define InterlockedExchangeAdd64Release InterlockedExchangeAdd64
#define InterlockedExchangeAddNoFence64 InterlockedExchangeAdd64
#define InterlockedExchangeAdd64NoFence InterlockedExchangeAdd64
#define InterlockedCompareExchangeAcquire InterlockedCompareExchange
#define InterlockedCompareExchangeRelease InterlockedCompareExchange
#define InterlockedCompareExchangeNoFence InterlockedCompareExchange
#define InterlockedCompareExchangeAcquire64 InterlockedCompareExchange64
#define InterlockedCompareExchange64Acquire InterlockedCompareExchange64
#define InterlockedCompareExchangeRelease64 InterlockedCompareExchange64
#define InterlockedCompareExchange64Release InterlockedCompareExchange64
#define InterlockedCompareExchangeNoFence64 InterlockedCompareExchange64
#define InterlockedCompareExchange64NoFence InterlockedCompareExchange64
#define InterlockedCompareExchangeAcquire16 InterlockedCompareExchange16
#define InterlockedCompareExchange16Acquire InterlockedCompareExchange16
#define InterlockedCompareExchangeRelease16 InterlockedCompareExchange16
#define InterlockedCompareExchange16Release InterlockedCompareExchange16
#define InterlockedCompareExchangeNoFence16 InterlockedCompareExchange16
#define InterlockedCompareExchange16NoFence InterlockedCompareExchange16
#define InterlockedAndAcquire InterlockedAnd
#define InterlockedAndRelease InterlockedAnd
#define InterlockedAndNoFence InterlockedAnd
#define InterlockedAndAcquire64 InterlockedAnd64
#define InterlockedAnd64Acquire InterlockedAnd64
#define InterlockedAndRelease64 InterlockedAnd64
#define InterlockedAnd64Release InterlockedAnd64
#define InterlockedAndNoFence64 InterlockedAnd64
#define InterlockedAnd64NoFence InterlockedAnd64
#define InterlockedAndAcquire16 InterlockedAnd16
#define InterlockedAnd16Acquire InterlockedAnd16
#define InterlockedAndRelease16 InterlockedAnd16
#define InterlockedAnd16Release InterlockedAnd16
#define InterlockedAndNoFence16 InterlockedAnd16
#define InterlockedAnd16NoFence InterlockedAnd16
#define InterlockedAndAcquire8 InterlockedAnd8
#define InterlockedAnd8Acquire InterlockedAnd8
#define InterlockedAndRelease8 InterlockedAnd8
#define InterlockedAnd8Release InterlockedAnd8
#define InterlockedAndNoFence8 InterlockedAnd8
#define InterlockedAnd8NoFence InterlockedAnd8
#define InterlockedOrAcquire InterlockedOr
#define InterlockedOrRelease InterlockedOr
#define InterlockedOrNoFence InterlockedOr
#define InterlockedOrAcquire64 InterlockedOr64
#define InterlockedOr64Acquire InterlockedOr64
#define InterlockedOrRelease64 InterlockedOr64
#define InterlockedOr64Release InterlockedOr64
#define InterlockedOrNoFence64 InterlockedOr64
#define InterlockedOr64NoFence InterlockedOr64
#define InterlockedOrAcquire16 InterlockedOr16
#define InterlockedOr16Acquire InterlockedOr16
#define InterlockedOrRelease16 InterlockedOr16
#define InterlockedOr16Release InterlockedOr16
#define InterlockedOrNoFence16 InterlockedOr16
#define InterlockedOr16NoFence InterlockedOr16
#define InterlockedOrAcquire8 InterlockedOr8
#define InterlockedOr8Acquire InterlockedOr8
#define InterlockedOrRelease8 InterlockedOr8
#define InterlockedOr8Release InterlockedOr8
#define InterlockedOrNoFence8 InterlockedOr8
#define InterlockedOr8NoFence InterlockedOr8
#define InterlockedXorAcquire InterlockedXor
#define InterlockedXorRelease InterlockedXor
#define InterlockedXorNoFence InterlockedXor
#define InterlockedXorAcquire64 InterlockedXor64
#define InterlockedXor64Acquire InterlockedXor64
#define InterlockedXorRelease64 InterlockedXor64
#define InterlockedXor64Release InterlockedXor64
#define InterlockedXorNoFence64 InterlockedXor64
#define InterlockedXor64NoFence InterlockedXor64
#define InterlockedXorAcquire16 InterlockedXor16
#define InterlockedXor16Acquire InterlockedXor16
#define InterlockedXorRelease16 InterlockedXor16
#define InterlockedXor16Release InterlockedXor16
#define InterlockedXorNoFence16 InterlockedXor16
#define InterlockedXor16NoFence InterlockedXor16
#define InterlockedXorAcquire8 InterlockedXor8
#define InterlockedXor8Acquire InterlockedXor8
#define InterlockedXorRelease8 InterlockedXor8
#define InterlockedXor8Release InterlockedXor8
#define InterlockedXorNoFence8 InterlockedXor8
#define InterlockedXor8NoFence InterlockedXor8
#define InterlockedExchangePointerAcquire InterlockedExchangePointer
#define InterlockedExchangePointerNoFence InterlockedExchangePointer
#define InterlockedCompareExchangePointerAcquire InterlockedCompareExchangePointer
#define InterlockedCompareExchangePointerRelease InterlockedCompareExchangePointer
#define InterlockedCompareExchangePointerNoFence InterlockedCompareExchangePointer
#define InterlockedBitTestAndSetAcquire InterlockedBitTestAndSet
#define InterlockedBitTestAndSetRelease InterlockedBitTestAndSet
#define InterlockedBitTestAndSetNoFence InterlockedBitTestAndSet
#define InterlockedBitTestAndResetAcquire InterlockedBitTestAndReset
#define InterlockedBitTestAndResetRelease InterlockedBitTestAndReset
#define InterlockedBitTestAndResetNoFence InterlockedBitTestAndReset

/* Acquire and release order; NoFence only does not tear; Raw promises nothing and is given that too. */
#define XBUILD_READ(name, type, order)                                                                                \
    static FORCEINLINE type name(type const volatile *source) { return __atomic_load_n(source, order); }
#define XBUILD_WRITE(name, type, order)                                                                               \
    static FORCEINLINE void name(type volatile *target, type value) { __atomic_store_n(target, value, order); }
#define XBUILD_ORDERED(prefix, suffix, type)                                                                          \
    XBUILD_READ(Read##prefix##Acquire##suffix, type, __ATOMIC_ACQUIRE)                                                \
    XBUILD_READ(Read##prefix##NoFence##suffix, type, __ATOMIC_RELAXED)                                                \
    XBUILD_READ(Read##prefix##Raw##suffix, type, __ATOMIC_RELAXED)                                                    \
    XBUILD_WRITE(Write##prefix##Release##suffix, type, __ATOMIC_RELEASE)                                              \
    XBUILD_WRITE(Write##prefix##NoFence##suffix, type, __ATOMIC_RELAXED)                                              \
    XBUILD_WRITE(Write##prefix##Raw##suffix, type, __ATOMIC_RELAXED)
XBUILD_ORDERED(, 8, CHAR)
XBUILD_ORDERED(, 16, SHORT)
XBUILD_ORDERED(UChar, , UCHAR)
XBUILD_ORDERED(UShort, , USHORT)
XBUILD_ORDERED(ULong, , ULONG)
XBUILD_ORDERED(ULong64, , ULONG64)
XBUILD_ORDERED(Int32, , INT32)
XBUILD_ORDERED(UInt32, , UINT32)
XBUILD_ORDERED(Int64, , INT64)
XBUILD_ORDERED(UInt64, , UINT64)
XBUILD_ORDERED(Boolean, , BOOLEAN)
XBUILD_ORDERED(SizeT, , SIZE_T)
XBUILD_ORDERED(LongPtr, , LONG_PTR)
XBUILD_ORDERED(ULongPtr, , ULONG_PTR)
XBUILD_ORDERED(Pointer, , PVOID)
/* Wine has the others of these two. */
XBUILD_READ(ReadRaw, LONG, __ATOMIC_RELAXED)
XBUILD_WRITE(WriteRaw, LONG, __ATOMIC_RELAXED)
XBUILD_READ(ReadAcquire64, LONG64, __ATOMIC_ACQUIRE)
XBUILD_READ(ReadRaw64, LONG64, __ATOMIC_RELAXED)
XBUILD_WRITE(WriteRelease64, LONG64, __ATOMIC_RELEASE)
XBUILD_WRITE(WriteNoFence64, LONG64, __ATOMIC_RELAXED)
XBUILD_WRITE(WriteRaw64, LONG64, __ATOMIC_RELAXED)
#undef XBUILD_ORDERED
#undef XBUILD_WRITE
#undef XBUILD_READ

#ifdef __cplusplus
}
#endif

#endif
