/* Trusts between forests, which newer declarations of dsgetdc.h need. */
#include_next <dsgetdc.h>
#include <ntsecapi.h>
