// The schedule of a recurring job, as a user writes its cron and as the link carries it.
#include "protocol/json/described.hpp"
#include "protocol/schedule/schedule.hpp"
#include "tests/fuzz/property.hpp"

using namespace edge;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text = fuzz::text_of(data, size);
    Schedule schedule;
    if (const auto json = parse_json(text)) {
        auto decoded = decode<Schedule>(json.value(), UnknownFields::ignore);
        if (!decoded) return 0;
        schedule = std::move(decoded.value());
    } else {
        schedule.cron = std::string(text);
    }
    const auto ticks = Ticks::of(schedule);
    if (!ticks) {
        fuzz::demand(ticks.error().code == Errc::bad_value && !ticks.error().detail.empty(),
                     "an error says what is wrong");
        return 0;
    }
    std::uint64_t at = 0;
    for (int i = 0; i < 20; ++i) {
        const auto tick = ticks.value().next(at);
        fuzz::demand(tick || i > 0, "a schedule that was taken is due once at least");
        if (!tick) break;
        fuzz::demand(*tick > at && *tick >= schedule.start_us, "ticks ascend from the start");
        fuzz::demand(!schedule.stop_us || *tick < *schedule.stop_us, "and end before the stop");
        fuzz::demand(ticks.value().contains(*tick), "a tick is one whoever asks");
        fuzz::demand(ticks.value().last(at, *tick) == tick, "the last up to a tick is that tick");
        at = *tick;
    }
    const auto again = decode<Schedule>(encode(schedule), UnknownFields::reject);
    fuzz::demand(again && again.value() == schedule, "what was read can be written, and is the same");
    return 0;
}
