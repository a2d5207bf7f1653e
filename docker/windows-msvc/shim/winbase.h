/* FILE_DISPOSITION_INFO has a member called DeleteFile. Windows's SDK declares it where the macro of that name is
 * already defined, so the member is renamed along with every use of it; Wine declares it before the macro.
 */
#ifndef DeleteFile
#ifdef UNICODE
#define DeleteFile DeleteFileW
#else
#define DeleteFile DeleteFileA
#endif
#endif
#include_next <winbase.h>
