// Protections that a test build can switch off one by one, to see that a test turns red (tests/sabotage). Every other
// build has no switch: what is asked here is the constant false, and the names are not in the program.
#pragma once
#include <algorithm>
#include <cstdlib>
#include <string_view>

namespace edge::launcher {

#ifdef EDGE_SABOTAGE
/// Whether the environment's EDGE_SABOTAGE, a list with commas, has this name.
inline bool is_off(std::string_view protection) {
    const char* all = std::getenv("EDGE_SABOTAGE");
    for (std::string_view rest = all == nullptr ? "" : all; !rest.empty();) {
        const auto word = rest.substr(0, rest.find(','));
        if (word == protection) return true;
        rest.remove_prefix(std::min(word.size() + 1, rest.size()));
    }
    return false;
}
#define EDGE_IS_OFF(protection) ::edge::launcher::is_off(#protection)
#else
#define EDGE_IS_OFF(protection) false
#endif

}  // namespace edge::launcher
