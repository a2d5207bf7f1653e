// One line for each check, read by test_msvc_runtime.py; a failure is also the exit status.
#pragma once
#include <cstdio>

inline int failures = 0;

inline void check(const char* name, bool passed) {
  std::printf("%s %s\n", passed ? "ok" : "FAILED", name);
  std::fflush(stdout);
  failures += !passed;
}
