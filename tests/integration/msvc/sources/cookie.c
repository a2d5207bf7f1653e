/* Overruns a buffer in a child process; the child must end by __fastfail, with no handler run. */
#include <stdio.h>
#include <string.h>
#include <windows.h>

static __declspec(noinline) void fill(volatile char *buffer, int count)
{
    int index;
    for (index = 0; index < count; index++)
        buffer[index] = 'x';
}

static __declspec(noinline) int overrun(int count)
{
    char buffer[16];
    fill(buffer, count);
    return buffer[3];
}

int main(int count, char **arguments)
{
    char command[2 * MAX_PATH];
    STARTUPINFOA startup;
    PROCESS_INFORMATION process;
    DWORD status = 0;
    int passed;

    if (count > 1)
        return overrun(atoi(arguments[1])) == 'x' ? 3 : 4;
    passed = overrun(16) == 'x';
    printf("%s an intact cookie\n", passed ? "ok" : "FAILED");
    snprintf(command, sizeof command, "\"%s\" 64", arguments[0]);
    memset(&startup, 0, sizeof startup);
    startup.cb = sizeof startup;
    if (!CreateProcessA(NULL, command, NULL, NULL, FALSE, 0, NULL, NULL, &startup, &process))
        return 1;
    WaitForSingleObject(process.hProcess, INFINITE);
    GetExitCodeProcess(process.hProcess, &status);
    passed &= status == 0xC0000409; /* STATUS_STACK_BUFFER_OVERRUN */
    printf("%s an overrun ends the process: 0x%08lX\n", passed ? "ok" : "FAILED", status);
    return !passed;
}
