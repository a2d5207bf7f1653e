#include <string>
#include <vector>

extern "C" int made(int number) {
    std::vector<std::string> words(static_cast<std::size_t>(number), "word");
    return static_cast<int>(words.size());
}
