#include <string>

int main(int count, char **) { return std::string(count, 0).empty(); }
