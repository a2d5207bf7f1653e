// C++ on vcruntime140.dll and libc++: exceptions, RTTI, statics, threads, streams, filesystem, exception_ptr.
#include "check.h"
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <csetjmp>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <filesystem>
#include <fstream>
#include <future>
#include <iostream>
#include <memory>
#include <mutex>
#include <new>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <typeinfo>
#include <vector>

namespace {

std::atomic<int> alive{0};

struct Counted {
  std::string text;
  explicit Counted(std::string text_) : text(std::move(text_)) { ++alive; }
  Counted(const Counted& other) : text(other.text) { ++alive; }
  virtual ~Counted() { --alive; }
};
struct Base {
  virtual ~Base() = default;
};
struct Left : virtual Base {
  int left = 1;
};
struct Right : virtual Base {
  int right = 2;
};
struct Diamond : Left, Right, Counted {
  Diamond() : Counted("diamond") {}
};
struct ThrowsWhenCopied {
  bool armed;
  explicit ThrowsWhenCopied(bool armed_) : armed(armed_) {}
  ThrowsWhenCopied(const ThrowsWhenCopied& other) : armed(other.armed) {
    if (armed)
      throw std::runtime_error("copied");
  }
};

void exceptions() {
  std::string caught;
  try {
    Counted local("local");
    throw std::out_of_range("range");
  } catch (const std::logic_error& error) {
    caught = error.what();
  }
  check("exception caught by its base", caught == "range");
  check("unwinding destroys locals", alive == 0);
  try {
    try {
      throw Diamond();
    } catch (const Base&) {
      throw;
    }
  } catch (const Right& error) {
    check("rethrow, virtual base adjusted", error.right == 2);
  }
  check("thrown object destroyed", alive == 0);
  int uncaught = 0;
  struct Observer {
    int& seen;
    ~Observer() { seen = std::uncaught_exceptions(); }
  };
  try {
    Observer observer{uncaught};
    throw 1;
  } catch (int) {
  }
  check("uncaught_exceptions", uncaught == 1 && std::uncaught_exceptions() == 0);
  bool refused = false;
  try {
    volatile std::size_t most = PTRDIFF_MAX;
    ::operator delete(::operator new(most));
  } catch (const std::bad_alloc&) {
    refused = true;
  }
  check("bad_alloc", refused);
}

void rtti() {
  std::unique_ptr<Base> base = std::make_unique<Diamond>();
  check("dynamic_cast", dynamic_cast<Right*>(base.get()) != nullptr && dynamic_cast<Counted*>(base.get()) != nullptr);
  const Base& object = *base;
  check("typeid", typeid(object) == typeid(Diamond) && typeid(object) != typeid(Base));
  check("type name", std::strstr(typeid(object).name(), "Diamond") != nullptr);
  bool refused = false;
  try {
    Base other;
    (void)dynamic_cast<Right&>(other);
  } catch (const std::bad_cast&) {
    refused = true;
  }
  check("bad_cast", refused);
}

std::exception_ptr capture_current() {
  try {
    throw Counted("captured");
  } catch (...) {
    return std::current_exception();
  }
}

void exception_pointers() {
  check("no current exception", !std::current_exception());
  std::exception_ptr pointer = capture_current();
  check("current_exception", pointer != nullptr && alive == 1);
  std::exception_ptr copy = pointer;
  check("exception_ptr compares", copy == pointer && copy != nullptr);
  for (int round = 0; round < 2; ++round) {
    std::string text;
    try {
      std::rethrow_exception(pointer);
    } catch (const Counted& error) {
      text = error.text;
    }
    check("rethrow_exception", text == "captured" && alive == 1);
  }
  copy = nullptr;
  pointer = nullptr;
  check("exception_ptr releases", alive == 0);

  pointer = std::make_exception_ptr(std::runtime_error("made"));
  try {
    std::rethrow_exception(pointer);
  } catch (const std::exception& error) {
    check("make_exception_ptr", std::string(error.what()) == "made");
  }
  try {
    throw Diamond();
  } catch (...) {
    pointer = std::current_exception();
  }
  try {
    std::rethrow_exception(std::move(pointer));
  } catch (const Right& error) {
    check("exception_ptr of a class with a virtual base", error.right == 2);
  }
  pointer = nullptr;
  check("exception_ptr of a class with a virtual base releases", alive == 0);

  pointer = std::make_exception_ptr(42);
  try {
    std::rethrow_exception(pointer);
  } catch (int value) {
    check("exception_ptr of a scalar", value == 42);
  }

  ThrowsWhenCopied armed(true);
  std::exception_ptr substitute;
  try {
    throw ThrowsWhenCopied(false);
  } catch (ThrowsWhenCopied& error) {
    error.armed = true;
    substitute = std::current_exception();
  }
  bool substituted = false;
  try {
    std::rethrow_exception(substitute);
  } catch (const std::bad_exception&) {
    substituted = true;
  } catch (...) {
  }
  check("an exception that cannot be copied becomes bad_exception", substituted);

  std::string outer, inner;
  try {
    try {
      throw std::runtime_error("inner");
    } catch (...) {
      std::throw_with_nested(std::logic_error("outer"));
    }
  } catch (const std::exception& error) {
    outer = error.what();
    try {
      std::rethrow_if_nested(error);
    } catch (const std::exception& nested) {
      inner = nested.what();
    }
  }
  check("nested exceptions", outer == "outer" && inner == "inner");

  std::future<int> future = std::async(std::launch::async, []() -> int { throw std::runtime_error("async"); });
  std::string carried;
  try {
    (void)future.get();
  } catch (const std::runtime_error& error) {
    carried = error.what();
  }
  check("an exception crosses threads in a future", carried == "async");
}

int attempts = 0;
int throws_once() {
  if (++attempts == 1)
    throw std::runtime_error("first attempt");
  return 7;
}
int magic() {
  static int value = throws_once();
  return value;
}

void statics() {
  bool thrown = false;
  try {
    magic();
  } catch (const std::runtime_error&) {
    thrown = true;
  }
  check("a static whose initialiser throws is tried again", thrown && magic() == 7 && magic() == 7 && attempts == 2);

  static std::atomic<int> constructions{0};
  std::vector<std::thread> threads;
  std::atomic<int> sum{0};
  for (int index = 0; index < 8; ++index)
    threads.emplace_back([&] {
      static int once = [] {
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
        return ++constructions;
      }();
      sum += once;
    });
  for (std::thread& thread : threads)
    thread.join();
  check("threads construct a static once", constructions == 1 && sum == 8);
}

std::atomic<int> thread_objects{0}, thread_ends{0};
struct PerThread {
  int value = 0;
  PerThread() { ++thread_objects; }
  ~PerThread() { ++thread_ends; }
};
thread_local PerThread per_thread;

void threads() {
  per_thread.value = 1;
  int objects = thread_objects, ends = thread_ends, seen = -1;
  std::thread([&] {
    seen = per_thread.value;
    per_thread.value = 5;
  }).join();
  check("thread_local is constructed in each thread", seen == 0 && per_thread.value == 1);
  check("thread_local is destroyed with its thread",
        thread_objects == objects + 1 && thread_ends == ends + 1);

  std::mutex mutex;
  std::condition_variable condition;
  bool ready = false;
  std::thread waker([&] {
    std::lock_guard<std::mutex> lock(mutex);
    ready = true;
    condition.notify_one();
  });
  {
    std::unique_lock<std::mutex> lock(mutex);
    condition.wait(lock, [&] { return ready; });
  }
  waker.join();
  check("condition_variable", ready);
}

void streams() {
  std::ostringstream out;
  out << 42 << ' ' << 1.5 << ' ' << std::hex << 255;
  check("ostringstream", out.str() == "42 1.5 ff");
  int number = 0;
  std::istringstream("17") >> number;
  check("istringstream", number == 17);
  std::cout << "ok iostream" << std::endl;
}

void files() {
  namespace fs = std::filesystem;
  fs::path folder = fs::temp_directory_path() / L"xbuild-\u00e9";
  fs::remove_all(folder);
  check("create_directories", fs::create_directories(folder / "nested"));
  std::ofstream(folder / "file") << "text";
  check("file_size", fs::file_size(folder / "file") == 4);
  int entries = 0;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(folder))
    entries += entry.exists();
  check("directory iteration", entries == 2);
  fs::rename(folder / "file", folder / "renamed");
  check("rename", fs::exists(folder / "renamed") && !fs::exists(folder / "file"));
  std::error_code error;
  (void)fs::file_size(folder / "absent", error);
  check("error_code", error == std::errc::no_such_file_or_directory);
  check("remove_all", fs::remove_all(folder) == 3 && !fs::exists(folder));
}

void long_jump() {
  static std::jmp_buf buffer;
  volatile int step = 0;
  int result = setjmp(buffer);
  if (result == 0) {
    step = 1;
    std::longjmp(buffer, 9);
  }
  check("setjmp", result == 9 && step == 1);
}

[[gnu::noinline]] int deep_frame() {
  volatile char large[200000];
  large[0] = 1;
  large[sizeof large - 1] = 2;
  return large[0] + large[sizeof large - 1];
}

struct AtExit {
  ~AtExit() {
    std::printf("%s thread_local of the main thread dies before globals\n", thread_ends > 0 ? "ok" : "FAILED");
    std::printf("ok global destructor\n");
    std::fflush(stdout);
  }
} at_exit;

} // namespace

int main() {
  exceptions();
  rtti();
  exception_pointers();
  statics();
  threads();
  streams();
  try {
    files();
  } catch (const std::exception& error) {
    check(error.what(), false);
  }
  long_jump();
  check("stack probe", deep_frame() == 3);
  thread_ends = 0; // what is left to die is the main thread's object
  std::atexit([] { check("atexit", true); });
  return failures;
}
