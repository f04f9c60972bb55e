#include "protocol/schedule/schedule.hpp"

#include <algorithm>

namespace edge {
namespace {

constexpr std::int64_t kMinute = 60;
constexpr std::uint64_t kSecondUs = 1'000'000;
constexpr std::uint64_t kLeastEveryMs = 1'000;
constexpr std::uint64_t kMostEveryMs = 31ULL * 86'400'000;
constexpr std::uint64_t kMostJitterMs = 3'600'000;
constexpr std::int32_t kMostOffsetS = 26 * 3'600;
constexpr std::size_t kMostOffsets = 64;
constexpr std::int64_t kFarAhead = 10LL * 366 * kMinutesOfDay;
constexpr int kMostDaysBesidesWindow = 4'000;
constexpr std::uint64_t kLatest = 253'402'300'800ULL * kSecondUs;  // the year 10000

std::int64_t floor_div(std::int64_t a, std::int64_t b) {
    return a / b - (a % b < 0 ? 1 : 0);
}
std::int64_t ceil_div(std::int64_t a, std::int64_t b) {
    return -floor_div(-a, b);
}

Error bad(const char* where, std::string detail) {
    return Error{Errc::bad_value, where, std::move(detail)};
}

Result<> check(const Schedule& s) {
    if (s.every_ms.has_value() == s.cron.has_value()) return bad("", "expected either every_ms or cron");
    if (s.every_ms && (*s.every_ms < kLeastEveryMs || *s.every_ms > kMostEveryMs))
        return bad("/every_ms", "expected 1000 (a second) to 2678400000 (31 days)");
    if (s.every_ms && s.phase_ms >= *s.every_ms) return bad("/phase_ms", "is less than every_ms");
    if (s.jitter_ms > kMostJitterMs) return bad("/jitter_ms", "expected 0 to 3600000 (an hour)");
    if (s.every_ms && s.jitter_ms >= *s.every_ms) return bad("/jitter_ms", "is less than every_ms");
    if (s.window && (s.window->from_min >= kMinutesOfDay || s.window->to_min > kMinutesOfDay ||
                     s.window->from_min == s.window->to_min))
        return bad("/window", "expected two different times of a day");
    if (s.start_us > kLatest) return bad("/start_us", "is later than the year 9999");
    if (s.stop_us && (*s.stop_us <= s.start_us || *s.stop_us > kLatest)) return bad("/stop_us", "is later than start");
    if (s.offsets.size() > kMostOffsets) return bad("/offsets", "at most 64");
    for (std::size_t i = 0; i < s.offsets.size(); ++i) {
        const ZoneOffset& one = s.offsets[i];
        const bool fits = one.offset_s >= -kMostOffsetS && one.offset_s <= kMostOffsetS &&
                          one.from_s <= static_cast<std::int64_t>(kLatest / kSecondUs) &&
                          one.from_s >= -static_cast<std::int64_t>(kLatest / kSecondUs) &&
                          (i == 0 || one.from_s > s.offsets[i - 1].from_s);
        if (!fits) return bad("/offsets", "expected ascending moments, and offsets of at most 26 hours");
    }
    return ok();
}

bool is_inside(const DailyWindow& window, std::int64_t minute) {
    const std::int64_t from = window.from_min;
    const std::int64_t to = window.to_min;
    return from < to ? minute >= from && minute < to : minute >= from || minute < to;
}

}  // namespace

Result<Ticks> Ticks::of(const Schedule& schedule) {
    EDGE_TRY(check(schedule));
    Ticks ticks;
    ticks.schedule_ = schedule;
    if (schedule.cron) {
        auto cron = Cron::parse(*schedule.cron);
        if (!cron) return bad("/cron", cron.error().detail);
        ticks.cron_ = cron.value();
    }
    if (!ticks.next(schedule.start_us == 0 ? 0 : schedule.start_us - 1))
        return bad(schedule.cron ? "/cron" : "/window", "this schedule is never due");
    return ticks;
}

std::size_t Ticks::segment_of(std::int64_t second) const {
    std::size_t segment = 0;
    while (segment + 1 < schedule_.offsets.size() && schedule_.offsets[segment + 1].from_s <= second) ++segment;
    return segment;
}

std::int32_t Ticks::offset_in(std::size_t segment) const {
    return schedule_.offsets.empty() ? 0 : schedule_.offsets[segment].offset_s;
}

std::optional<std::int64_t> Ticks::end_of(std::size_t segment) const {
    if (segment + 1 >= schedule_.offsets.size()) return std::nullopt;
    return schedule_.offsets[segment + 1].from_s;
}

std::optional<std::uint64_t> Ticks::next_interval(std::uint64_t from) const {
    const std::uint64_t every = *schedule_.every_ms * 1'000;
    const std::uint64_t phase = schedule_.phase_ms * 1'000;
    if (from <= phase) return phase;
    return phase + (from - phase + every - 1) / every * every;
}

std::optional<std::uint64_t> Ticks::next_cron(std::uint64_t from) const {
    const auto from_s = static_cast<std::int64_t>((from + kSecondUs - 1) / kSecondUs);
    for (std::size_t segment = segment_of(from_s);; ++segment) {
        const std::int32_t offset = offset_in(segment);
        std::int64_t local = ceil_div(from_s + offset, kMinute);
        if (segment > 0) {
            const std::int64_t begins = *end_of(segment - 1);
            local = std::max(local, ceil_div(begins + offset, kMinute));
            const std::int32_t before = offset_in(segment - 1);  // what comes twice was due already
            if (before > offset && !cron_->every_hour()) local = std::max(local, ceil_div(begins + before, kMinute));
        }
        const auto end = end_of(segment);
        const std::int64_t limit = end ? ceil_div(*end + offset, kMinute) : local + kFarAhead;
        if (const auto minute = cron_->next(local, limit))
            return static_cast<std::uint64_t>(*minute * kMinute - offset) * kSecondUs;
        if (!end) return std::nullopt;
        const std::int64_t skipped_to = ceil_div(*end + offset_in(segment + 1), kMinute);
        if (cron_->next(limit, skipped_to)) return static_cast<std::uint64_t>(*end) * kSecondUs;
    }
}

/// `at` where it is inside the window; else a later moment, with none between them that is.
std::uint64_t Ticks::window_opens(std::uint64_t at) const {
    if (!schedule_.window) return at;
    const auto second = static_cast<std::int64_t>(at / kSecondUs);
    const std::size_t segment = segment_of(second);
    const std::int64_t local = second + offset_in(segment);
    const std::int64_t minute = floor_div(local, kMinute) - floor_div(local, kMinute * kMinutesOfDay) * kMinutesOfDay;
    if (is_inside(*schedule_.window, minute)) return at;
    const std::int64_t wait = (schedule_.window->from_min - minute + kMinutesOfDay) % kMinutesOfDay * kMinute;
    std::int64_t opens = floor_div(local, kMinute) * kMinute + wait - offset_in(segment);
    if (const auto end = end_of(segment)) opens = std::min(opens, *end);
    return static_cast<std::uint64_t>(opens) * kSecondUs;
}

std::optional<std::uint64_t> Ticks::next(std::uint64_t after) const {
    if (after >= kLatest) return std::nullopt;
    std::uint64_t from = std::max(after + 1, schedule_.start_us);
    for (int days = 0; days < kMostDaysBesidesWindow; ++days) {
        const auto tick = cron_ ? next_cron(from) : next_interval(from);
        if (!tick || *tick > kLatest || (schedule_.stop_us && *tick >= *schedule_.stop_us)) return std::nullopt;
        const std::uint64_t opens = window_opens(*tick);
        if (opens == *tick) return tick;
        from = opens;
    }
    return std::nullopt;
}

std::optional<std::uint64_t> Ticks::last(std::uint64_t after, std::uint64_t upto) const {
    if (upto <= after) return std::nullopt;
    // Doubling steps back from the end: what is asked for is nearly always near it.
    for (std::uint64_t back = kSecondUs;; back *= 2) {
        const std::uint64_t from = upto - after > back ? upto - back : after;
        std::optional<std::uint64_t> found;
        for (auto tick = next(from); tick && *tick <= upto; tick = next(*tick)) found = tick;
        if (found || from == after) return found;
    }
}

}  // namespace edge
