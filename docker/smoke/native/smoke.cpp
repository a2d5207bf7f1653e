#include <cstddef>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

extern "C" std::size_t smoke_cpp(std::size_t count) {
    try {
        std::vector<std::unique_ptr<std::string>> words;
        std::map<std::string, std::size_t> lengths;
        for (std::size_t index = 0; index < count; ++index)
            words.push_back(std::make_unique<std::string>(index, 'x'));
        for (const auto &word : words) lengths[*word] = word->size();
        if (lengths.empty()) throw std::out_of_range("nothing");
        return lengths.rbegin()->second;
    } catch (const std::exception &error) {
        return std::string(error.what()).size();
    }
}
