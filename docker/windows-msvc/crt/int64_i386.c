/* i686: 64-bit multiplication and division, which code generation for windows-msvc calls by these names: operands
 * on the stack, the callee pops them, the result in edx:eax. LLVM's X86ISelLowering.cpp lists them.
 */
typedef unsigned long long u64;
typedef long long s64;
typedef unsigned u32;

/* high:low / divisor, which must not overflow 32 bits: high < divisor. */
static inline u32 divide_narrow(u32 high, u32 low, u32 divisor, u32 *remainder)
{
    u32 quotient;
    __asm__("divl %4" : "=a"(quotient), "=d"(*remainder) : "0"(low), "1"(high), "r"(divisor));
    return quotient;
}

static u64 divide(u64 dividend, u64 divisor, u64 *remainder)
{
    u32 dividend_high = (u32)(dividend >> 32), dividend_low = (u32)dividend;
    u32 divisor_high = (u32)(divisor >> 32), divisor_low = (u32)divisor;
    u32 rest, quotient;
    int shift;

    if (divisor_high == 0) {
        u32 high = 0;
        if (dividend_high >= divisor_low) /* a zero divisor traps in here */
            high = divide_narrow(0, dividend_high, divisor_low, &dividend_high);
        quotient = divide_narrow(dividend_high, dividend_low, divisor_low, &rest);
        *remainder = rest;
        return (u64)high << 32 | quotient;
    }
    if (divisor > dividend) {
        *remainder = dividend;
        return 0;
    }
    /* The quotient fits 32 bits. The estimate by the divisor's 32 leading bits is exact or one too large; one less is
     * exact or one too small (Hacker's Delight, "Unsigned Doubleword Division"). */
    shift = __builtin_clz(divisor_high);
    quotient = divide_narrow((u32)(dividend >> 33), (u32)(dividend >> 1), (u32)(divisor << shift >> 32), &rest);
    quotient >>= 31 - shift;
    if (quotient != 0)
        quotient--;
    dividend -= (u64)quotient * divisor_low + ((u64)(quotient * divisor_high) << 32);
    if (dividend >= divisor) {
        dividend -= divisor;
        quotient++;
    }
    *remainder = dividend;
    return quotient;
}

static inline u64 magnitude(s64 value) { return value < 0 ? -(u64)value : (u64)value; }

u64 __stdcall udivide(u64 a, u64 b) __asm__("__aulldiv");
u64 __stdcall udivide(u64 a, u64 b)
{
    u64 remainder;
    return divide(a, b, &remainder);
}

u64 __stdcall umodulo(u64 a, u64 b) __asm__("__aullrem");
u64 __stdcall umodulo(u64 a, u64 b)
{
    u64 remainder;
    divide(a, b, &remainder);
    return remainder;
}

s64 __stdcall sdivide(s64 a, s64 b) __asm__("__alldiv");
s64 __stdcall sdivide(s64 a, s64 b)
{
    u64 remainder, quotient = divide(magnitude(a), magnitude(b), &remainder);
    return (s64)((a ^ b) < 0 ? -quotient : quotient);
}

s64 __stdcall smodulo(s64 a, s64 b) __asm__("__allrem");
s64 __stdcall smodulo(s64 a, s64 b)
{
    u64 remainder;
    divide(magnitude(a), magnitude(b), &remainder);
    return (s64)(a < 0 ? -remainder : remainder);
}

s64 __stdcall multiply(s64 a, s64 b) __asm__("__allmul");
s64 __stdcall multiply(s64 a, s64 b)
{
    u32 a_low = (u32)a, b_low = (u32)b;
    u32 cross = a_low * (u32)((u64)b >> 32) + (u32)((u64)a >> 32) * b_low;
    return (s64)((u64)a_low * b_low + ((u64)cross << 32));
}
