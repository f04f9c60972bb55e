// When a recurring job is due. Broker and agent reckon from the same values and come to the same ticks; neither asks
// what its machine knows of time zones.
#pragma once
#include <boost/describe.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "protocol/result.hpp"
#include "protocol/schedule/cron.hpp"

namespace edge {

/// From `from_s` on the zone is so far ahead of UTC. Units: seconds since 1970; seconds.
struct ZoneOffset {
    std::int64_t from_s = 0;
    std::int32_t offset_s = 0;
    friend bool operator==(const ZoneOffset&, const ZoneOffset&) = default;
};
BOOST_DESCRIBE_STRUCT(ZoneOffset, (), (from_s, offset_s))

/// Ticks are only from `from_min` to before `to_min` of the day, in the zone; over midnight where `to_min` is less.
struct DailyWindow {
    std::uint32_t from_min = 0;
    std::uint32_t to_min = 0;
    friend bool operator==(const DailyWindow&, const DailyWindow&) = default;
};
BOOST_DESCRIBE_STRUCT(DailyWindow, (), (from_min, to_min))

/// Either `every_ms`, counted from `phase_ms` after 1970, or `cron`.
struct Schedule {
    static constexpr bool fields_have_defaults = true;
    std::optional<std::uint64_t> every_ms;
    std::uint64_t phase_ms = 0;
    std::optional<std::string> cron;
    std::vector<ZoneOffset> offsets;  // ascending; the first holds before it as well; none: UTC
    std::optional<DailyWindow> window;
    std::uint64_t jitter_ms = 0;           // a task begins up to so much after its tick
    std::uint64_t start_us = 0;            // no tick is earlier
    std::optional<std::uint64_t> stop_us;  // every tick is earlier
    friend bool operator==(const Schedule&, const Schedule&) = default;
};
BOOST_DESCRIBE_STRUCT(Schedule, (), (every_ms, phase_ms, cron, offsets, window, jitter_ms, start_us, stop_us))

/// The ticks of a schedule: nominal moments, never jittered. Pure.
/// A local time that a change of the clock leaves out is due once, at the change; one that comes twice is due the first
/// time. A cron of every hour is due in both hours that have one name.
/// Units: microseconds since 1970, UTC.
class Ticks {
  public:
    /// Errors: bad_value, `where` a JSON pointer into the schedule.
    static Result<Ticks> of(const Schedule& schedule);

    /// The first one later than `after`.
    std::optional<std::uint64_t> next(std::uint64_t after) const;
    /// The last one later than `after` and not later than `upto`.
    std::optional<std::uint64_t> last(std::uint64_t after, std::uint64_t upto) const;
    bool contains(std::uint64_t tick) const { return tick > 0 && next(tick - 1) == tick; }

  private:
    Ticks() = default;
    std::size_t segment_of(std::int64_t second) const;
    std::int32_t offset_in(std::size_t segment) const;
    std::optional<std::int64_t> end_of(std::size_t segment) const;
    std::optional<std::uint64_t> next_interval(std::uint64_t from) const;
    std::optional<std::uint64_t> next_cron(std::uint64_t from) const;
    std::uint64_t window_opens(std::uint64_t at) const;

    Schedule schedule_;
    std::optional<Cron> cron_;
};

}  // namespace edge
