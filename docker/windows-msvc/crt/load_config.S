/* The load configuration directory, which the linker finds by the name _load_config_used. It tells the loader where
 * the stack cookie and the tables of Control Flow Guard and SafeSEH are. Field order: IMAGE_LOAD_CONFIG_DIRECTORY,
 * https://learn.microsoft.com/windows/win32/api/winnt/ns-winnt-image_load_config_directory64
 * The symbols __guard_* and __safe_se_* are made by the linker. A module that was not linked with /guard:cf calls
 * through the two function pointers below; the loader replaces them only where CFG is on.
 */
#if defined(__i386__)
#define SYMBOL(name) _##name
#define POINTER .long
#define POINTER_SIZE 4
#else
#define SYMBOL(name) name
#define POINTER .quad
#define POINTER_SIZE 8
#endif

    .section .rdata,"dr"
    .p2align 3
    .globl SYMBOL(_load_config_used)
SYMBOL(_load_config_used):
    .long 1f - SYMBOL(_load_config_used)        /* Size */
    .zero 4 + 2 + 2                             /* TimeDateStamp, MajorVersion, MinorVersion */
    .zero 4 + 4 + 4                             /* GlobalFlagsClear, GlobalFlagsSet, CriticalSectionDefaultTimeout */
    .zero 5 * POINTER_SIZE                      /* DeCommitFreeBlockThreshold to VirtualMemoryThreshold */
    .zero POINTER_SIZE + 4                      /* ProcessAffinityMask, ProcessHeapFlags (swapped on i686) */
    .zero 2 + 2                                 /* CSDVersion, DependentLoadFlags */
    POINTER 0                                   /* EditList */
    POINTER SYMBOL(__security_cookie)
#if defined(__i386__)
    POINTER SYMBOL(__safe_se_handler_table)
    POINTER SYMBOL(__safe_se_handler_count)
#else
    POINTER 0, 0
#endif
    POINTER SYMBOL(__guard_check_icall_fptr)
    POINTER SYMBOL(__guard_dispatch_icall_fptr)
    POINTER SYMBOL(__guard_fids_table)
    POINTER SYMBOL(__guard_fids_count)
    .long SYMBOL(__guard_flags)
    .zero 12                                    /* CodeIntegrity */
    POINTER SYMBOL(__guard_iat_table)
    POINTER SYMBOL(__guard_iat_count)
    POINTER SYMBOL(__guard_longjmp_table)
    POINTER SYMBOL(__guard_longjmp_count)
    POINTER 0, 0, 0, 0                          /* DynamicValueRelocTable to GuardRFFailureRoutineFunctionPointer */
    .zero 4 + 2 + 2                             /* DynamicValueRelocTableOffset, -Section, Reserved2 */
    POINTER 0                                   /* GuardRFVerifyStackPointerFunctionPointer */
    .zero 4 + 4                                 /* HotPatchTableOffset, Reserved3 */
    POINTER 0, 0                                /* EnclaveConfigurationPointer, VolatileMetadataPointer */
    POINTER SYMBOL(__guard_eh_cont_table)
    POINTER SYMBOL(__guard_eh_cont_count)
1:

    .section .00cfg,"dr"
    .p2align 3
    .globl SYMBOL(__guard_check_icall_fptr)
SYMBOL(__guard_check_icall_fptr):
    POINTER SYMBOL(__ocrt_check_icall)
    .globl SYMBOL(__guard_dispatch_icall_fptr)
SYMBOL(__guard_dispatch_icall_fptr):
    POINTER SYMBOL(__ocrt_dispatch_icall)

    .text
    .def SYMBOL(__ocrt_check_icall); .scl 2; .type 32; .endef
    .globl SYMBOL(__ocrt_check_icall)
SYMBOL(__ocrt_check_icall):
    ret
    .def SYMBOL(__ocrt_dispatch_icall); .scl 2; .type 32; .endef
    .globl SYMBOL(__ocrt_dispatch_icall)
SYMBOL(__ocrt_dispatch_icall):
#if defined(__x86_64__)
    jmp *%rax
#elif defined(__aarch64__)
    br x15
#else
    ret                                         /* i686 has no dispatch: nothing calls it */

    .globl @feat.00
    .set @feat.00, 1
#endif
