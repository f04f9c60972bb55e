// What a fuzz target demands beyond "does not crash".
#pragma once
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace edge::fuzz {

/// Ends the process where the property does not hold; libFuzzer keeps the input.
inline void demand(bool holds, const char* property) {
    if (holds) return;
    std::fprintf(stderr, "does not hold: %s\n", property);
    std::abort();
}

inline std::string_view text_of(const std::uint8_t* data, std::size_t size) {
    return {reinterpret_cast<const char*>(data), size};
}

/// How deep JSON text is nested, counted by nobody's parser.
inline std::size_t nesting(std::string_view json) {
    std::size_t depth = 0, deepest = 0;
    bool in_string = false;
    for (std::size_t i = 0; i < json.size(); ++i) {
        const char c = json[i];
        if (in_string && c == '\\') {
            ++i;
        } else if (c == '"') {
            in_string = !in_string;
        } else if (!in_string && (c == '[' || c == '{')) {
            deepest = ++depth > deepest ? depth : deepest;
        } else if (!in_string && (c == ']' || c == '}')) {
            --depth;
        }
    }
    return deepest;
}

}  // namespace edge::fuzz
