// A DLL whose life is told, one letter for each event, to the process that loads it; with FAIL_ATTACH its DllMain
// refuses to be loaded.
#include <windows.h>
#include <cstdlib>
#include <new>

extern "C" {
typedef void (*listener)(char);
}

namespace {

void tell(char event) {
  // The loader is the only one that exports it: no import, so that the DLL is loadable by any process.
  if (FARPROC found = GetProcAddress(GetModuleHandleW(nullptr), "on_event"))
    reinterpret_cast<listener>(found)(event);
}

struct Global {
  Global() { tell('C'); }
  ~Global() { tell('D'); }
} global;

struct PerThread {
  int value = 3;
  PerThread() { tell('t'); }
  ~PerThread() { tell('u'); }
};
thread_local PerThread per_thread;

struct Local {
  Local() { tell('l'); }
  ~Local() { tell('m'); }
};

} // namespace

extern "C" __declspec(dllexport) int plugin_run() {
  static Local local;
  std::atexit([] { tell('x'); });
  try {
    throw per_thread.value;
  } catch (int value) {
    return value;
  }
}

BOOL WINAPI DllMain(HINSTANCE, DWORD reason, LPVOID) {
  if (reason == DLL_PROCESS_ATTACH) {
    std::atexit([] { tell('a'); });
    tell('A');
#ifdef FAIL_ATTACH
    return FALSE;
#endif
  }
  if (reason == DLL_PROCESS_DETACH)
    tell('Z');
  return TRUE;
}
