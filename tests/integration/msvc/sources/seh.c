/* Structured exceptions of C. */
#include <stdio.h>
#include <windows.h>

static int order;

static int filter(unsigned long code, struct _EXCEPTION_POINTERS *pointers)
{
    return code == EXCEPTION_ACCESS_VIOLATION && pointers->ExceptionRecord->NumberParameters == 2
               ? EXCEPTION_EXECUTE_HANDLER
               : EXCEPTION_CONTINUE_SEARCH;
}

static __declspec(noinline) void write_to(volatile int *address) { *address = 1; }

static int access_violation(void)
{
    __try {
        __try {
            write_to((int *)16);
        } __finally {
            order = AbnormalTermination() ? order * 10 + 1 : -1;
        }
    } __except (filter(GetExceptionCode(), GetExceptionInformation())) {
        order = order * 10 + 2;
        return 1;
    }
    return 0;
}

static int raised(void)
{
    unsigned long code = 0;
    __try {
        RaiseException(0xE0000042, 0, 0, NULL);
    } __except (code = GetExceptionCode(), EXCEPTION_EXECUTE_HANDLER) {
        return code == 0xE0000042;
    }
    return 0;
}

int wmain(int count, wchar_t **arguments)
{
    int caught = access_violation() && order == 12;
    int code = raised();
    (void)arguments;
    printf("%s __try, __finally, __except\n", caught ? "ok" : "FAILED");
    printf("%s RaiseException\n", code ? "ok" : "FAILED");
    printf("%s arguments of wmain\n", count == 2 ? "ok" : "FAILED");
    return !(caught && code && count == 2);
}
