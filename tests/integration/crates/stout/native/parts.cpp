// C++ that needs its runtime: exceptions, RTTI, containers and streams.
#include <map>
#include <sstream>
#include <stdexcept>
#include <string>

extern "C" int parts(int number) {
    std::map<std::string, int> counts;
    std::ostringstream text;
    try {
        text << "part " << number;
        counts[text.str()] = number;
        if (number > 1) throw std::out_of_range(text.str());
    } catch (const std::logic_error &error) {
        return static_cast<int>(std::string(error.what()).size());
    }
    return counts.begin()->second;
}
