#include "broker/zones/tz_rule.hpp"

#include <algorithm>
#include <chrono>

namespace edge::broker {
namespace {

using std::chrono::sys_days;
using std::chrono::year;

constexpr std::int32_t kHour = 3'600;
constexpr std::int64_t kDay = 86'400;

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

std::optional<int> take_number(std::string_view& rest, int most) {
    int value = 0;
    std::size_t digits = 0;
    for (; digits < rest.size() && digits < 3 && is_digit(rest[digits]); ++digits)
        value = value * 10 + rest[digits] - '0';
    if (digits == 0 || value > most) return std::nullopt;
    rest.remove_prefix(digits);
    return value;
}

bool take(std::string_view& rest, char c) {
    if (!rest.starts_with(c)) return false;
    rest.remove_prefix(1);
    return true;
}

/// `[+-]hh[:mm[:ss]]`
std::optional<std::int32_t> take_time(std::string_view& rest) {
    const bool is_negative = take(rest, '-');
    if (!is_negative) take(rest, '+');
    const auto hours = take_number(rest, 167);
    if (!hours) return std::nullopt;
    std::int32_t seconds = *hours * kHour;
    for (const std::int32_t unit : {60, 1}) {
        if (!take(rest, ':')) break;
        const auto part = take_number(rest, 59);
        if (!part) return std::nullopt;
        seconds += *part * unit;
    }
    return is_negative ? -seconds : seconds;
}

/// `CET` or `<+03>`
bool take_name(std::string_view& rest) {
    std::size_t length = 0;
    if (rest.starts_with('<')) {
        const auto end = rest.find('>');
        if (end == std::string_view::npos) return false;
        length = end + 1;
    } else {
        while (length < rest.size() && !is_digit(rest[length]) && rest[length] != '+' && rest[length] != '-' &&
               rest[length] != ',')
            ++length;
    }
    rest.remove_prefix(length);
    return length >= 3;
}

Error wrong() {
    return Error{Errc::bad_syntax, {}, "the zone's rule cannot be read"};
}

}  // namespace

std::optional<TzRule::Day> TzRule::take_day(std::string_view& rest) {
    Day day;
    if (!take(rest, ',')) return std::nullopt;
    if (take(rest, 'M')) {
        const auto month = take_number(rest, 12);
        if (!month || *month < 1 || !take(rest, '.')) return std::nullopt;
        const auto week = take_number(rest, 5);
        if (!week || *week < 1 || !take(rest, '.')) return std::nullopt;
        const auto weekday = take_number(rest, 6);
        if (!weekday) return std::nullopt;
        day.month = *month;
        day.week = *week;
        day.weekday = *weekday;
    } else {
        day.kind = take(rest, 'J') ? Day::Kind::julian : Day::Kind::zero_based;
        const auto number = take_number(rest, 365);
        if (!number || (day.kind == Day::Kind::julian && *number < 1)) return std::nullopt;
        day.day = *number;
    }
    if (!take(rest, '/')) return day;
    const auto time = take_time(rest);
    if (!time) return std::nullopt;
    day.time_s = *time;
    return day;
}

Result<TzRule> TzRule::parse(std::string_view text) {
    TzRule rule;
    if (!take_name(text)) return wrong();
    const auto standard = take_time(text);
    if (!standard) return wrong();
    rule.standard_s_ = -*standard;  // POSIX counts to the west
    if (text.empty()) return rule;
    if (!take_name(text)) return wrong();
    rule.summer_s_ = rule.standard_s_ + kHour;
    if (!text.starts_with(',')) {
        const auto summer = take_time(text);
        if (!summer) return wrong();
        rule.summer_s_ = -*summer;
    }
    rule.begins_ = take_day(text);
    rule.ends_ = take_day(text);
    if (!rule.begins_ || !rule.ends_ || !text.empty()) return wrong();
    return rule;
}

std::int64_t TzRule::midnight_of(const Day& day, int in_year) {
    const year y(in_year);
    const auto days = [](sys_days date) { return static_cast<std::int64_t>(date.time_since_epoch().count()); };
    if (day.kind == Day::Kind::month_week) {
        const std::chrono::weekday weekday(static_cast<unsigned>(day.weekday));
        const auto month = y / day.month;
        const sys_days date = day.week == 5 ? sys_days(month / weekday[std::chrono::last])
                                            : sys_days(month / weekday[static_cast<unsigned>(day.week)]);
        return days(date) * kDay;
    }
    const std::int64_t first = days(y / 1 / 1);
    if (day.kind == Day::Kind::zero_based) return (first + day.day) * kDay;
    const bool is_past_leap_day = y.is_leap() && day.day > 59;  // which Julian days do not count
    return (first + day.day - 1 + (is_past_leap_day ? 1 : 0)) * kDay;
}

std::vector<ZoneOffset> TzRule::changes(std::int64_t from, std::int64_t to) const {
    std::vector<ZoneOffset> all;
    if (!begins_) return all;
    const auto year_of = [](std::int64_t second) {
        const std::chrono::sys_seconds at{std::chrono::seconds(second)};
        return static_cast<int>(std::chrono::year_month_day(std::chrono::floor<std::chrono::days>(at)).year());
    };
    for (int in_year = year_of(from) - 1; in_year <= year_of(to) + 1; ++in_year) {
        all.push_back({midnight_of(*begins_, in_year) + begins_->time_s - standard_s_, summer_s_});
        all.push_back({midnight_of(*ends_, in_year) + ends_->time_s - summer_s_, standard_s_});
    }
    std::ranges::sort(all, {}, &ZoneOffset::from_s);
    std::erase_if(all, [&](const ZoneOffset& one) { return one.from_s < from || one.from_s >= to; });
    return all;
}

}  // namespace edge::broker
