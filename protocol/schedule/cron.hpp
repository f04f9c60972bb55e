// Five fields of cron as sets of minutes, hours, days and months of a local calendar that knows no zones.
#pragma once
#include <cstdint>
#include <optional>
#include <string_view>

#include "protocol/result.hpp"

namespace edge {

inline constexpr std::int64_t kMinutesOfDay = 1'440;

/// `minute hour day-of-month month day-of-week`: lists, ranges, steps, names of months and days; 7 is Sunday as 0 is.
/// Where neither day field begins with `*` a day that fits one of them is taken, else it fits both.
/// Source: crontab(5) of Vixie cron.
class Cron {
  public:
    /// Errors: bad_value, which field and what it may be.
    static Result<Cron> parse(std::string_view text);

    /// The first minute that fits in [from, limit). Units: minutes of local time since 1970. Looks nine years ahead,
    /// which is as far apart as two of a 29 February may be.
    std::optional<std::int64_t> next(std::int64_t from, std::int64_t limit) const;
    /// It fits in any hour of the day.
    bool every_hour() const { return hours_ == kAllHours; }

  private:
    static constexpr std::uint64_t kAllHours = (std::uint64_t{1} << 24) - 1;
    bool has_day(std::int64_t day) const;

    std::uint64_t minutes_ = 0;
    std::uint64_t hours_ = 0;
    std::uint64_t days_ = 0;
    std::uint64_t months_ = 0;
    std::uint64_t weekdays_ = 0;
    bool any_of_days_ = false;  // neither day field begins with '*'
};

}  // namespace edge
