// libc++'s operator new and delete. They go into msvcrt.lib: Microsoft's one has them too, and C++ code that includes
// no standard header links nothing else. What they throw is in c++.lib.
#include "new.cpp"
#pragma comment(lib, "c++")
