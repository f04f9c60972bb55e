#include "broker/api/schedules.hpp"

#include <cstdio>

#include "protocol/json/described.hpp"

namespace edge::broker::api {
namespace {

constexpr std::uint64_t kLatestMs = 253'402'300'799'999;  // the year 9999

Error bad(std::string where, std::string detail) {
    return Error{Errc::bad_value, "/schedule" + std::move(where), std::move(detail)};
}

/// `08:30` as minutes of the day; `24:00` is its end.
std::optional<std::uint32_t> minute_of(std::string_view text) {
    const auto digit = [&](std::size_t i) { return text[i] >= '0' && text[i] <= '9' ? text[i] - '0' : -1; };
    if (text.size() != 5 || text[2] != ':') return std::nullopt;
    for (const std::size_t i : {0, 1, 3, 4}) {
        if (digit(i) < 0) return std::nullopt;
    }
    const int minute = (digit(0) * 10 + digit(1)) * 60 + digit(3) * 10 + digit(4);
    if (digit(3) > 5 || minute > 1'440) return std::nullopt;
    return static_cast<std::uint32_t>(minute);
}

std::string time_of(std::uint32_t minute) {
    char text[16];
    std::snprintf(text, sizeof text, "%02u:%02u", minute / 60, minute % 60);
    return text;
}

}  // namespace

Result<JobSchedule> schedule_of(const ScheduleBody& body) {
    JobSchedule schedule;
    schedule.when.every_ms = body.every_ms;
    schedule.when.cron = body.cron;
    if (body.cron && body.cron->size() > 256) return bad("/cron", "at most 256 characters");
    if (body.zone) schedule.zone = *body.zone;
    if (body.zone && !body.cron && !body.window) return bad("/zone", "of an interval nothing depends on a zone");
    if (body.window) {
        const auto from = minute_of(body.window->from);
        const auto to = minute_of(body.window->to);
        if (!from) return bad("/window/from", "expected a time of the day, 08:00");
        if (!to) return bad("/window/to", "expected a time of the day, 20:00");
        schedule.when.window = DailyWindow{*from, *to};
    }
    if (body.jitter_ms) schedule.when.jitter_ms = *body.jitter_ms;
    if (body.start_ms && *body.start_ms > kLatestMs) return bad("/start_ms", "is later than the year 9999");
    if (body.stop_ms && *body.stop_ms > kLatestMs) return bad("/stop_ms", "is later than the year 9999");
    if (body.start_ms) schedule.when.start_us = *body.start_ms * 1'000;
    if (body.stop_ms) schedule.when.stop_us = *body.stop_ms * 1'000;
    return schedule;
}

Json to_json(const JobSchedule& schedule) {
    const Schedule& when = schedule.when;
    ScheduleBody body{.every_ms = when.every_ms,
                      .cron = when.cron,
                      .zone = {},
                      .window = {},
                      .jitter_ms = {},
                      .start_ms = {},
                      .stop_ms = {}};
    if (when.cron || when.window) body.zone = schedule.zone;
    if (when.window) body.window = WindowBody{time_of(when.window->from_min), time_of(when.window->to_min)};
    if (when.jitter_ms > 0) body.jitter_ms = when.jitter_ms;
    if (when.start_us > 0) body.start_ms = when.start_us / 1'000;
    if (when.stop_us) body.stop_ms = *when.stop_us / 1'000;
    return encode(body);
}

}  // namespace edge::broker::api
