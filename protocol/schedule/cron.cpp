#include "protocol/schedule/cron.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <span>
#include <string>
#include <vector>

namespace edge {
namespace {

constexpr std::int64_t kMostDays = 366 * 9;

constexpr std::array<std::string_view, 12> kMonths{"jan", "feb", "mar", "apr", "may", "jun",
                                                   "jul", "aug", "sep", "oct", "nov", "dec"};
constexpr std::array<std::string_view, 7> kWeekdays{"sun", "mon", "tue", "wed", "thu", "fri", "sat"};

struct Field {
    std::string_view name;
    unsigned least;
    unsigned most;
    std::span<const std::string_view> names;  // of `least`, `least` + 1, …
};
constexpr std::array<Field, 5> kFields{Field{"minute", 0, 59, {}}, Field{"hour", 0, 23, {}},
                                       Field{"day of month", 1, 31, {}}, Field{"month", 1, 12, kMonths},
                                       Field{"day of week", 0, 7, kWeekdays}};

Error wrong(const Field& field, std::string_view text) {
    return Error{Errc::bad_value,
                 {},
                 "cron: \"" + std::string(text.substr(0, 32)) + "\" is no " + std::string(field.name) + "; expected " +
                     std::to_string(field.least) + " to " + std::to_string(field.most) +
                     (field.names.empty() ? "" : ", " + std::string(field.names[0]) + " and so on") +
                     ", a range 1-5, a list 1,5 or a step */2"};
}

std::optional<unsigned> number(const Field& field, std::string_view text) {
    std::string lower;
    for (const char c : text) lower += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    const auto named = std::ranges::find(field.names, lower);
    if (named != field.names.end()) return field.least + static_cast<unsigned>(named - field.names.begin());
    unsigned value = 0;
    const auto [stop, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (failed != std::errc{} || stop != text.data() + text.size() || value < field.least || value > field.most)
        return std::nullopt;
    return value;
}

/// Cuts off what stands before `sign`; all of it when there is none.
std::string_view take_until(char sign, std::string_view& rest) {
    const auto end = rest.find(sign);
    const std::string_view part = rest.substr(0, end);
    rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
    return part;
}

/// One of a list: `*`, `5`, `1-5`, each perhaps with `/2`.
Result<std::uint64_t> parse_part(const Field& field, std::string_view part) {
    const std::string_view whole = part;
    const bool has_step = part.find('/') != std::string_view::npos;
    std::string_view range = take_until('/', part);
    unsigned step = 1;
    if (has_step) {
        const auto [stop, failed] = std::from_chars(part.data(), part.data() + part.size(), step);
        const bool fits = failed == std::errc{} && stop == part.data() + part.size() && step >= 1 && step <= field.most;
        if (!fits) return wrong(field, whole);
    }
    unsigned first = field.least;
    unsigned last = field.most;
    if (range != "*") {
        const bool has_end = range.find('-') != std::string_view::npos;
        const auto from = number(field, take_until('-', range));
        const auto to = has_end ? number(field, range) : from;
        // `5/10` would mean something else in each cron there is.
        if (!from || !to || *to < *from || (has_step && !has_end)) return wrong(field, whole);
        first = *from;
        last = *to;
    }
    std::uint64_t bits = 0;
    for (unsigned value = first; value <= last; value += step) bits |= std::uint64_t{1} << value;
    return bits;
}

Result<std::uint64_t> parse_field(const Field& field, std::string_view text) {
    if (text.empty() || text.back() == ',') return wrong(field, text);
    std::uint64_t bits = 0;
    while (!text.empty()) {
        EDGE_TRY(const std::uint64_t part, parse_part(field, take_until(',', text)));
        bits |= part;
    }
    return bits;
}

std::int64_t floor_day(std::int64_t minute) {
    return minute / kMinutesOfDay - (minute % kMinutesOfDay < 0 ? 1 : 0);
}

bool has(std::uint64_t bits, unsigned value) {
    return (bits >> value & 1) != 0;
}

}  // namespace

Result<Cron> Cron::parse(std::string_view text) {
    std::vector<std::string_view> words;
    while (!text.empty()) {
        const std::string_view word = take_until(' ', text);
        if (!word.empty()) words.push_back(word);
        if (words.size() > kFields.size()) break;
    }
    if (words.size() != kFields.size()) {
        return Error{Errc::bad_value,
                     {},
                     "cron: expected five fields, minute hour day-of-month month day-of-week, such as \"*/5 * * * *\""};
    }
    Cron cron;
    std::array<std::uint64_t*, 5> sets{&cron.minutes_, &cron.hours_, &cron.days_, &cron.months_, &cron.weekdays_};
    for (std::size_t i = 0; i < sets.size(); ++i) {
        EDGE_TRY(*sets[i], parse_field(kFields[i], words[i]));
    }
    if (has(cron.weekdays_, 7)) cron.weekdays_ |= 1;
    cron.any_of_days_ = words[2].front() != '*' && words[4].front() != '*';
    return cron;
}

bool Cron::has_day(std::int64_t day) const {
    const std::chrono::sys_days date{std::chrono::days(day)};
    const std::chrono::year_month_day calendar(date);
    if (!has(months_, static_cast<unsigned>(calendar.month()))) return false;
    const bool of_month = has(days_, static_cast<unsigned>(calendar.day()));
    const bool of_week = has(weekdays_, std::chrono::weekday(date).c_encoding());
    return any_of_days_ ? of_month || of_week : of_month && of_week;
}

std::optional<std::int64_t> Cron::next(std::int64_t from, std::int64_t limit) const {
    const std::int64_t first = floor_day(from);
    for (std::int64_t day = first; day < first + kMostDays && day * kMinutesOfDay < limit; ++day) {
        if (!has_day(day)) continue;
        for (std::int64_t at = std::max(from, day * kMinutesOfDay); at < (day + 1) * kMinutesOfDay; ++at) {
            const auto minute = static_cast<unsigned>(at - day * kMinutesOfDay);
            if (!has(hours_, minute / 60)) {
                at += 59 - minute % 60;  // the last minute of the hour, and one more
                continue;
            }
            if (has(minutes_, minute % 60)) return at < limit ? std::optional(at) : std::nullopt;
        }
    }
    return std::nullopt;
}

}  // namespace edge
