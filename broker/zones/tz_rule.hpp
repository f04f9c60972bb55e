// The footer of a zone's file, `CET-1CEST,M3.5.0,M10.5.0/3`: how it goes on for ever. Pure.
// Source: POSIX.1-2017 section 8.3 (TZ), RFC 8536 section 3.3 and its hours from -167 to 167.
#pragma once
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "protocol/result.hpp"
#include "protocol/schedule/schedule.hpp"

namespace edge::broker {

class TzRule {
  public:
    /// Errors: bad_syntax.
    static Result<TzRule> parse(std::string_view text);

    /// What is in force before its first change, in standard time.
    std::int32_t standard_s() const { return standard_s_; }
    /// Its changes in [from, to), ascending. Units: seconds since 1970.
    std::vector<ZoneOffset> changes(std::int64_t from, std::int64_t to) const;

  private:
    struct Day {
        enum class Kind { month_week, julian, zero_based } kind = Kind::month_week;
        int month = 0, week = 0, weekday = 0;  // month_week
        int day = 0;                           // the others
        std::int32_t time_s = 7'200;           // after midnight, by the clock before the change
    };
    static std::optional<Day> take_day(std::string_view& rest);
    static std::int64_t midnight_of(const Day& day, int year);

    std::int32_t standard_s_ = 0;
    std::int32_t summer_s_ = 0;
    std::optional<Day> begins_;  // of summer time; none: there is none
    std::optional<Day> ends_;
};

}  // namespace edge::broker
