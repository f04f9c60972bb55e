// The schedule of a recurring job as the API has it, both ways.
#pragma once
#include <boost/describe.hpp>
#include <cstdint>
#include <optional>
#include <string>

#include "broker/domain/views.hpp"
#include "protocol/json/bounded.hpp"

namespace edge::broker::api {

/// Times of a day, `08:00`.
struct WindowBody {
    std::string from;
    std::string to;
};
BOOST_DESCRIBE_STRUCT(WindowBody, (), (from, to))

struct ScheduleBody {
    std::optional<std::uint64_t> every_ms;
    std::optional<std::string> cron;
    std::optional<std::string> zone;
    std::optional<WindowBody> window;
    std::optional<std::uint64_t> jitter_ms;
    std::optional<std::uint64_t> start_ms;
    std::optional<std::uint64_t> stop_ms;
};
BOOST_DESCRIBE_STRUCT(ScheduleBody, (), (every_ms, cron, zone, window, jitter_ms, start_ms, stop_ms))

/// Errors: bad_value, with `/schedule/…`. That it is ever due, and its zone, the domain looks at.
Result<JobSchedule> schedule_of(const ScheduleBody& body);
Json to_json(const JobSchedule& schedule);

}  // namespace edge::broker::api
