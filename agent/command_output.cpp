#include "agent/command_output.hpp"

#include <algorithm>
#include <cstdio>
#include <memory>

namespace edge::agent {

std::vector<std::string> lines_of_command(const std::string& command) {
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> pipe(::popen((command + " 2>/dev/null").c_str(), "r"),
                                                               ::pclose);
    std::string all;
    char text[4096];
    while (pipe && std::fgets(text, sizeof text, pipe.get()) != nullptr) all += text;
    std::vector<std::string> lines;
    for (std::size_t at = 0; at < all.size();) {
        const auto end = std::min(all.find('\n', at), all.size());
        lines.push_back(all.substr(at, end - at));
        while (lines.back().ends_with(' ')) lines.back().pop_back();
        at = end + 1;
    }
    return lines;
}

}  // namespace edge::agent
