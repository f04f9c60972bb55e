#include "agent/host/kernel_texts.hpp"

#include <charconv>

namespace edge::agent {
namespace {

std::optional<std::uint64_t> leading_number(std::string_view text) {
    std::uint64_t number = 0;
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
    return failed == std::errc{} ? std::optional(number) : std::nullopt;
}

}  // namespace

std::optional<std::uint32_t> pressure_permille(std::string_view text) {
    constexpr std::string_view kSome = "some avg10=";
    if (!text.starts_with(kSome)) return std::nullopt;
    text.remove_prefix(kSome.size());
    const auto whole = leading_number(text);
    const auto point = text.find('.');
    if (!whole || *whole > 100 || point == std::string_view::npos || point + 1 >= text.size()) return std::nullopt;
    const char tenth = text[point + 1];
    if (tenth < '0' || tenth > '9') return std::nullopt;
    return static_cast<std::uint32_t>(*whole * 10) + static_cast<std::uint32_t>(tenth - '0');
}

std::optional<std::uint64_t> keyed_number(std::string_view text, std::string_view key) {
    while (!text.empty()) {
        const std::string_view line = text.substr(0, text.find('\n'));
        text.remove_prefix(line.size() < text.size() ? line.size() + 1 : text.size());
        if (line.starts_with(key) && line.size() > key.size() && line[key.size()] == ' ')
            return leading_number(line.substr(key.size() + 1));
    }
    return std::nullopt;
}

}  // namespace edge::agent
