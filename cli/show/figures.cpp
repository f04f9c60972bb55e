#include "cli/show/figures.hpp"

#include <chrono>
#include <cstdio>

namespace edge::cli {
namespace {

std::string scaled(double value, const char* unit) {
    char text[48];
    std::snprintf(text, sizeof text, value < 9.995 ? "%.2f %s" : value < 99.95 ? "%.1f %s" : "%.0f %s", value, unit);
    return text;
}

}  // namespace

std::string duration_text(std::uint64_t us) {
    if (us < 1'000) return std::to_string(us) + " µs";
    if (us < 1'000'000) return scaled(static_cast<double>(us) / 1e3, "ms");
    return scaled(static_cast<double>(us) / 1e6, "s");
}

std::string percent_text(double percent) {
    char text[48];
    const bool is_whole = percent == static_cast<double>(static_cast<int>(percent));
    std::snprintf(text, sizeof text, is_whole ? "%.0f%%" : "%.1f%%", percent);
    return text;
}

std::string bytes_text(std::uint64_t bytes) {
    if (bytes < 1'000) return std::to_string(bytes) + " B";
    if (bytes < 1'000'000) return scaled(static_cast<double>(bytes) / 1e3, "kB");
    return scaled(static_cast<double>(bytes) / 1e6, "MB");
}

std::string hex_text(std::uint32_t value) {
    char text[16];
    std::snprintf(text, sizeof text, "0x%x", value);
    return text;
}

std::optional<std::int64_t> seconds_of(std::string_view rfc3339) {
    int year = 0;
    unsigned month = 0;
    unsigned day = 0;
    int hour = 0;
    int minute = 0;
    int second = 0;
    if (std::sscanf(std::string(rfc3339).c_str(), "%4d-%2u-%2uT%2d:%2d:%2d", &year, &month, &day, &hour, &minute,
                    &second) != 6 ||
        !rfc3339.ends_with('Z')) {
        return std::nullopt;
    }
    const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(month), std::chrono::day(day)};
    if (!date.ok()) return std::nullopt;
    const auto days = std::chrono::sys_days(date).time_since_epoch().count();
    return (std::int64_t{days} * 24 + hour) * 3600 + minute * 60 + second;
}

std::string age_text(std::int64_t seconds) {
    if (seconds < 0) return "0s";
    if (seconds < 120) return std::to_string(seconds) + "s";
    if (seconds < 2 * 3600) return std::to_string(seconds / 60) + "m";
    if (seconds < 2 * 86'400) return std::to_string(seconds / 3600) + "h";
    return std::to_string(seconds / 86'400) + "d";
}

}  // namespace edge::cli
