/* Wine declares these in winternl.h; Windows' SDK does in winnt.h, and so does ours. */
#include <winnt.h>
#define _LIST_ENTRY32 xbuild_list_entry32
#define LIST_ENTRY32 xbuild_list_entry32_t
#define _LIST_ENTRY64 xbuild_list_entry64
#define LIST_ENTRY64 xbuild_list_entry64_t
#define _FILE_ID_128 xbuild_file_id_128
#define FILE_ID_128 xbuild_file_id_128_t
#define PFILE_ID_128 xbuild_file_id_128_p
#include_next <winternl.h>
#undef _LIST_ENTRY32
#undef LIST_ENTRY32
#undef _LIST_ENTRY64
#undef LIST_ENTRY64
#undef _FILE_ID_128
#undef FILE_ID_128
#undef PFILE_ID_128
