// libc++'s exception.cpp, and the functions that its exception_ptr for the Microsoft ABI imports from msvcp140.dll,
// which belongs to another standard library. Here they are part of c++.lib.
//
// An exception_ptr owns a counted block that holds a copy of the exception. What is thrown is described by data that
// the compiler emits (ThrowInfo and CatchableType below); their layout is documented in clang's MicrosoftCXXABI.cpp
// (getThrowInfo, getCatchableType), the exception record and its parameters in
// https://learn.microsoft.com/windows/win32/api/winnt/ns-winnt-exception_record and Raymond Chen, "Decoding the
// parameters of a thrown C++ exception" (https://devblogs.microsoft.com/oldnewthing/20100730-00/?p=13273).
#include <exception>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <new>

// The declarations of libc++ are dllimport; the definitions are below.
#undef _LIBCPP_CRT_FUNC
#define _LIBCPP_CRT_FUNC
#include "exception.cpp"

namespace {

using uptr = decltype(sizeof(0));

constexpr unsigned long cxx_exception = 0xE06D7363; // 0xE0000000 | 'msc'
constexpr unsigned cxx_magic = 0x19930520;
constexpr unsigned has_virtual_base = 4; // CatchableType::properties
constexpr unsigned long most_parameters = 15;

// References are offsets from the base of the module with 64-bit pointers, and addresses otherwise.
struct CatchableType {
  unsigned properties;
  int type;
  int displacement[3];
  int size;
  int copy;
};
struct CatchableTypes {
  int count;
  int first;
};
struct ThrowInfo {
  unsigned attributes;
  int destroy;
  int forward_compatible;
  int catchable_types;
};

// EXCEPTION_RECORD; a C++ exception has the parameters magic, object, ThrowInfo and (64-bit) base of the module.
struct Record {
  unsigned long code, flags;
  Record* next;
  void* address;
  unsigned long parameter_count;
  uptr parameters[most_parameters];
};

#ifdef _WIN64
extern "C" __declspec(dllimport) void* __stdcall RtlPcToFileHeader(void*, void**);
#endif
extern "C" __declspec(dllimport) void __stdcall RaiseException(unsigned long, unsigned long, unsigned long,
                                                               const uptr*);
extern "C" __declspec(dllimport) Record** __cdecl __current_exception();
extern "C" __declspec(dllimport) void __stdcall _CxxThrowException(void*, const ThrowInfo*);

// How to copy and destroy an object of the type that was thrown.
class ThrownType {
  const ThrowInfo* info_;
  uptr base_;

  template <class T> T at(int reference) const {
    return reinterpret_cast<T>(base_ + static_cast<uptr>(static_cast<unsigned>(reference)));
  }
  const CatchableType& most_derived() const {
    return *at<const CatchableType*>(at<const CatchableTypes*>(info_->catchable_types)->first);
  }

public:
  explicit ThrownType(const ThrowInfo* info) : info_(info), base_(0) {
#ifdef _WIN64
    void* base = nullptr;
    RtlPcToFileHeader(const_cast<ThrowInfo*>(info), &base);
    base_ = reinterpret_cast<uptr>(base);
#endif
  }

  const ThrowInfo* info() const { return info_; }
  std::size_t size() const { return static_cast<std::size_t>(most_derived().size); }

  void copy(void* to, const void* from) const {
    const CatchableType& type = most_derived();
    if (!type.copy)
      std::memcpy(to, from, size());
    else if (type.properties & has_virtual_base) // the last argument: construct the virtual bases too
      at<void(__thiscall*)(void*, const void*, int)>(type.copy)(to, from, 1);
    else
      at<void(__thiscall*)(void*, const void*)>(type.copy)(to, from);
  }

  void destroy(void* object) const {
    if (info_->destroy)
      at<void(__thiscall*)(void*)>(info_->destroy)(object);
  }
};

struct Held {
  std::atomic<long> owners{1};
  Record record{};
  alignas(2 * sizeof(void*)) unsigned char object[1]; // as large as what was thrown; only of C++ exceptions

  bool is_cxx() const { return record.code == cxx_exception; }
  ThrownType type() const { return ThrownType(reinterpret_cast<const ThrowInfo*>(record.parameters[2])); }
};

// Layout of std::exception_ptr: two pointers, of which this implementation uses one.
Held*& held(void* exception) { return *static_cast<Held**>(exception); }
Held* held(const void* exception) { return *static_cast<Held* const*>(exception); }

Held* retain(Held* held) noexcept {
  if (held)
    held->owners.fetch_add(1, std::memory_order_relaxed);
  return held;
}

void release(Held* held) noexcept {
  if (!held || held->owners.fetch_sub(1, std::memory_order_acq_rel) != 1)
    return;
  if (held->is_cxx())
    held->type().destroy(held->object);
  std::free(held);
}

const ThrowInfo* info_of_bad_alloc() { return static_cast<const ThrowInfo*>(__GetExceptionInfo(std::bad_alloc())); }
const ThrowInfo* info_of_bad_exception() {
  return static_cast<const ThrowInfo*>(__GetExceptionInfo(std::bad_exception()));
}

void describe(Held& held, const ThrowInfo* info) {
  held.record.code = cxx_exception;
  held.record.parameter_count = 3;
  held.record.parameters[0] = cxx_magic;
  held.record.parameters[1] = reinterpret_cast<uptr>(held.object);
  held.record.parameters[2] = reinterpret_cast<uptr>(info);
}

// For want of memory: an exception that needs none.
Held* hold_bad_alloc() noexcept {
  static Held* const immortal = [] {
    alignas(Held) static unsigned char storage[sizeof(Held) + sizeof(std::bad_alloc)];
    Held* made = new (storage) Held;
    describe(*made, info_of_bad_alloc());
    new (made->object) std::bad_alloc;
    return made; // its first owner is never released
  }();
  return retain(immortal);
}

// May throw what the copy constructor throws.
Held* copy_cxx(const void* object, const ThrowInfo* info) {
  ThrownType type(info);
  void* memory = std::malloc(sizeof(Held) + type.size());
  if (!memory)
    return hold_bad_alloc();
  Held* made = new (memory) Held;
  try {
    type.copy(made->object, object);
  } catch (...) {
    std::free(memory);
    throw;
  }
  describe(*made, info);
  return made;
}

// [propagation]: when copying the exception throws, the result refers to that exception or to a bad_exception.
Held* hold_cxx(const void* object, const ThrowInfo* info) noexcept {
  try {
    return copy_cxx(object, info);
  } catch (const std::bad_alloc&) {
    return hold_bad_alloc();
  } catch (...) {
    std::bad_exception substitute;
    return copy_cxx(&substitute, info_of_bad_exception());
  }
}

Held* hold_record(const Record& record) noexcept {
  void* memory = std::malloc(sizeof(Held));
  if (!memory)
    return hold_bad_alloc();
  Held* made = new (memory) Held;
  made->record = record;
  made->record.next = nullptr;
  return made;
}

} // namespace

void __cdecl __ExceptionPtrCreate(void* made) { std::memset(made, 0, sizeof(std::exception_ptr)); }
void __cdecl __ExceptionPtrDestroy(void* destroyed) { release(held(destroyed)); }

void __cdecl __ExceptionPtrCopy(void* made, const void* other) {
  __ExceptionPtrCreate(made);
  held(made) = retain(held(other));
}

void __cdecl __ExceptionPtrAssign(void* assigned, const void* other) {
  Held* replaced = held(assigned);
  held(assigned) = retain(held(other));
  release(replaced);
}

bool __cdecl __ExceptionPtrCompare(const void* one, const void* other) { return held(one) == held(other); }
bool __cdecl __ExceptionPtrToBool(const void* exception) { return held(exception) != nullptr; }

void __cdecl __ExceptionPtrSwap(void* one, void* other) {
  Held* kept = held(one);
  held(one) = held(other);
  held(other) = kept;
}

void __cdecl __ExceptionPtrCurrentException(void* made) {
  const Record* current = *__current_exception();
  if (!current)
    return;
  if (current->code != cxx_exception)
    held(made) = hold_record(*current);
  else if (current->parameter_count >= 3 && current->parameters[0] == cxx_magic && current->parameters[2])
    held(made) = hold_cxx(reinterpret_cast<const void*>(current->parameters[1]),
                          reinterpret_cast<const ThrowInfo*>(current->parameters[2]));
}

void __cdecl __ExceptionPtrCopyException(void* made, const void* object, const void* info) {
  held(made) = hold_cxx(object, static_cast<const ThrowInfo*>(info));
}

[[noreturn]] void __cdecl __ExceptionPtrRethrow(const void* exception) {
  const Held* rethrown = held(exception);
  if (!rethrown)
    std::terminate(); // a precondition of rethrow_exception
  if (rethrown->is_cxx()) {
    // The handler destroys the object that it caught but frees no memory, so a copy lives in this frame, which
    // stays until the handler ends. The block may go before: unwinding destroys the caller's exception_ptr.
    ThrownType type = rethrown->type();
    void* object = __builtin_alloca_with_align(type.size(), 16 * 8);
    type.copy(object, rethrown->object);
    _CxxThrowException(object, type.info());
  } else {
    RaiseException(rethrown->record.code, rethrown->record.flags, rethrown->record.parameter_count,
                   rethrown->record.parameters);
  }
  std::terminate(); // the exception was continued
}
