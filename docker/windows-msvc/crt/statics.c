/* Thread-safe initialisation of function-local statics: /Zc:threadSafeInit,
 * https://learn.microsoft.com/cpp/build/reference/zc-threadsafeinit-thread-safe-local-static-initialization
 * The algorithm is that of WG21 N2660 (appendix); how compilers call it is in clang's MicrosoftCXXABI.cpp
 * (EmitGuardedInit).
 *
 * Of a guard: 0 is untouched, -1 is being initialised, any other value is the epoch at which it was completed. A
 * thread that has seen that epoch skips the call:
 *   if (guard > _Init_thread_epoch) { _Init_thread_header(&guard); if (guard == -1) { ...; _Init_thread_footer } }
 * An initialiser that throws calls _Init_thread_abort, and the next thread tries again.
 */
enum { UNINITIALISED = 0, BEING_INITIALISED = -1, FIRST_EPOCH = -2147483647 - 1 };

typedef struct {
    void *pointer;
} lock_t, condition_t; /* SRWLOCK and CONDITION_VARIABLE: zero is their initial value */

__declspec(dllimport) void __stdcall AcquireSRWLockExclusive(lock_t *);
__declspec(dllimport) void __stdcall ReleaseSRWLockExclusive(lock_t *);
__declspec(dllimport) int __stdcall SleepConditionVariableSRW(condition_t *, lock_t *, unsigned long, unsigned long);
__declspec(dllimport) void __stdcall WakeAllConditionVariable(condition_t *);

__declspec(thread) int _Init_thread_epoch = FIRST_EPOCH;
static int last_epoch = FIRST_EPOCH;
static lock_t lock;
static condition_t changed;

void __cdecl _Init_thread_header(volatile int *guard)
{
    AcquireSRWLockExclusive(&lock);
    while (*guard == BEING_INITIALISED)
        SleepConditionVariableSRW(&changed, &lock, ~0ul, 0);
    if (*guard == UNINITIALISED)
        *guard = BEING_INITIALISED;
    else
        _Init_thread_epoch = last_epoch;
    ReleaseSRWLockExclusive(&lock);
}

void __cdecl _Init_thread_footer(volatile int *guard)
{
    AcquireSRWLockExclusive(&lock);
    *guard = ++last_epoch;
    _Init_thread_epoch = last_epoch;
    ReleaseSRWLockExclusive(&lock);
    WakeAllConditionVariable(&changed);
}

void __cdecl _Init_thread_abort(volatile int *guard)
{
    AcquireSRWLockExclusive(&lock);
    *guard = UNINITIALISED;
    ReleaseSRWLockExclusive(&lock);
    WakeAllConditionVariable(&changed);
}
