// Loads plugin.dll and reluctant.dll; what they tell must be complete, in order, and over when FreeLibrary returns.
#include "check.h"
#include <windows.h>
#include <string>
#include <thread>

static std::string events;

extern "C" __declspec(dllexport) void on_event(char event) { events += event; }

static bool in_order(const char* wanted) {
  if (events != wanted)
    std::printf("events %s, wanted %s\n", events.c_str(), wanted);
  return events == wanted;
}

int main() {
  for (int round = 0; round < 2; ++round) {
    events.clear();
    HMODULE plugin = LoadLibraryW(L"plugin.dll");
    check("LoadLibrary", plugin != nullptr);
    if (!plugin)
      return 1;
    check("attach: globals, thread_locals, DllMain", in_order("CtA"));
    auto run = reinterpret_cast<int (*)()>(GetProcAddress(plugin, "plugin_run"));
    check("a call that throws inside", run && run() == 3);
    check("local static", in_order("CtAl"));
    std::thread([] {}).join();
    check("a thread has its thread_local", in_order("CtAltu"));
    check("FreeLibrary", FreeLibrary(plugin) != 0);
    // thread_locals, DllMain, then exit handlers and globals in reverse order of their registration
    check("detach", in_order("CtAltuuZxmaD"));
    check("unloaded", GetModuleHandleW(L"plugin.dll") == nullptr);
  }
  events.clear();
  HMODULE reluctant = LoadLibraryW(L"reluctant.dll");
  check("a DllMain that fails", reluctant == nullptr && GetLastError() == ERROR_DLL_INIT_FAILED);
  std::string once;
  for (char event : events)
    if (event != 't' && event != 'u')
      once += event;
  check("failed attach is undone once", once == "CAZaD" || in_order("CAZaD"));
  return failures;
}
