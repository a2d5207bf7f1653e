/* The GUIDs of the COM interfaces that the SDK's headers declare: uuid.lib, strmiids.lib, wbemuuid.lib, taskschd.lib.
 * With INITGUID the headers define them, each in a COMDAT section of its own, so a link keeps only what it uses.
 */
#define COBJMACROS
#define INITGUID
#include <windows.h>
#include <ole2.h>
#if defined(UUID_LIB)
#include <comcat.h>
#include <docobj.h>
#include <exdisp.h>
#include <knownfolders.h>
#include <mlang.h>
#include <netlistmgr.h>
#include <oleacc.h>
#include <propsys.h>
#include <servprov.h>
#include <shlguid.h>
#include <shlobj.h>
#include <shobjidl.h>
#include <structuredquerycondition.h>
#include <textstor.h>
#include <urlmon.h>
#include <wincodec.h>
#include <xmllite.h>
#elif defined(STRMIIDS_LIB)
#include <dshow.h>
#elif defined(WBEMUUID_LIB)
#include <wbemcli.h>
#include <wbemprov.h>
#elif defined(TASKSCHD_LIB)
#include <taskschd.h>
#endif
