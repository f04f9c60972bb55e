#include <doctest/doctest.h>

#include "agent/host/minute_facts.hpp"

using namespace edge;
using namespace edge::agent;
using namespace std::chrono_literals;

namespace {

link::LineUsage usage(const char* name, std::uint64_t bytes, std::uint64_t packets, std::uint64_t day = 0) {
    return {.name = LineName::parse(name).value(),
            .sent_bytes = bytes,
            .sent_packets = packets,
            .received_bytes = 2 * bytes,
            .received_packets = packets,
            .denied = packets / 10,
            .throttled = 0,
            .day_bytes = day};
}

}  // namespace

TEST_CASE("lines are told as what they used since the last time, the day as it stands") {
    MinuteFacts facts;
    const Moment start{Time{} + 100s, 1'000};
    const auto first = facts.make({}, {usage("telecom", 500, 20, 900)}, {}, start);
    CHECK(first.interval_ms == 0);
    CHECK(first.lines[0].sent_bytes == 500);
    const auto second =
        facts.make({}, {usage("telecom", 700, 50, 950), usage("unicom", 9, 1)}, {}, {start.steady + 61s, 62'000'000});
    CHECK(second.interval_ms == 61'000);
    CHECK(second.at_us == 62'000'000);
    REQUIRE(second.lines.size() == 2);
    CHECK(second.lines[0].sent_bytes == 200);
    CHECK(second.lines[0].received_bytes == 400);
    CHECK(second.lines[0].sent_packets == 30);
    CHECK(second.lines[0].denied == 3);
    CHECK(second.lines[0].day_bytes == 950);
    CHECK(second.lines[1].sent_bytes == 9);
}

TEST_CASE("a launcher that began to count anew makes no negative deltas, and lines it does not tell are kept") {
    MinuteFacts facts;
    const Moment now{Time{} + 100s, 1'000};
    (void)facts.make({}, {usage("telecom", 5'000, 200)}, {}, now);
    CHECK(facts.make({}, {usage("telecom", 60, 3)}, {}, now).lines[0].sent_bytes == 60);
    CHECK(facts.make({}, {}, {}, now).lines.empty());
    CHECK(facts.make({}, {usage("telecom", 90, 4)}, {}, now).lines[0].sent_bytes == 30);
}
