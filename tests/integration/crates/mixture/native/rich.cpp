// C++ that needs its runtime: exceptions, RTTI, streams, threads, thread-local and static objects.
#include <future>
#include <iostream>
#include <map>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>

namespace {
struct Shape {
    virtual ~Shape() = default;
};
struct Round : Shape {};
thread_local std::string seen = "nothing";
const std::map<std::string, int> table{{"one", 1}};
}  // namespace

extern "C" int rich(int number) {
    try {
        std::unique_ptr<Shape> shape = std::make_unique<Round>();
        if (!dynamic_cast<Round *>(shape.get())) return -1;
        std::thread([&] { seen = "something"; }).join();
        auto later = std::async(std::launch::async, [&] { return number; });
        std::ostringstream text;
        text << later.get() << seen << table.at("one");
        if (number < 0) throw std::runtime_error(text.str());
        std::cout << text.str() << std::endl;
        return table.at(text.str());
    } catch (const std::out_of_range &) {
        return 1;
    } catch (const std::exception &error) {
        std::cerr << error.what() << "\n";
        return 2;
    }
}
