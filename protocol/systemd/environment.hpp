// What the service manager says in the environment: read once, and taken out, so that no child takes it for its own.
#pragma once
#include <charconv>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>

namespace edge::systemd {

inline std::optional<std::string> take_variable(const char* name) {
    const char* value = std::getenv(name);
    if (value == nullptr) return std::nullopt;
    std::string text = value;
    ::unsetenv(name);
    return text;
}

/// None where it is anything but digits, or above 2^64 - 1.
inline std::optional<std::uint64_t> number_in(const std::string& text) {
    std::uint64_t value = 0;
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (failed != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return value;
}

}  // namespace edge::systemd
