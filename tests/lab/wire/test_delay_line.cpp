#include <doctest/doctest.h>

#include <algorithm>

#include "tests/lab/wire/delay_line.hpp"

using namespace edge::wire;
using namespace std::chrono_literals;

namespace {
const Clock::time_point kStart{};
Frame numbered(unsigned number) {
    return Frame(1 + number % 100, static_cast<std::byte>(number));
}
}  // namespace

TEST_CASE("a frame leaves when its delay has passed, and not before") {
    DelayLine line({6ms, 0us, 0}, 1, 10);
    line.offer(kStart, numbered(1));
    CHECK(line.next_due() == kStart + 6ms);
    CHECK_FALSE(line.take(kStart + 5999us));
    CHECK(line.take(kStart + 6ms) == numbered(1));
    CHECK_FALSE(line.next_due());
}

TEST_CASE("jitter spreads the delay over its whole range and never reorders") {
    DelayLine line({20500us, 4ms, 0}, 1, 10);
    Clock::duration least = 1h, most = 0h;
    for (unsigned i = 0; i < 2000; ++i) {
        const auto now = kStart + i * 1s;
        line.offer(now, numbered(i));
        const auto took = *line.next_due() - now;
        least = std::min(least, took);
        most = std::max(most, took);
        REQUIRE(line.take(*line.next_due()) == numbered(i));
    }
    CHECK(least >= 16500us);
    CHECK(least < 16600us);
    CHECK(most <= 24500us);
    CHECK(most > 24400us);

    DelayLine crowded({20500us, 4ms, 0}, 1, 1000);
    for (unsigned i = 0; i < 200; ++i) crowded.offer(kStart + i * 10us, numbered(i));
    for (unsigned i = 0; i < 200; ++i) CHECK(crowded.take(kStart + 1s) == numbered(i));
}

TEST_CASE("loss takes its share of the frames, the same ones for the same seed") {
    const auto lost_of = [](std::uint64_t seed) {
        DelayLine line({0us, 0us, 10'000}, seed, 1'000'000);
        for (unsigned i = 0; i < 100'000; ++i) line.offer(kStart, numbered(i));
        return line.counters().lost;
    };
    CHECK(lost_of(1) == lost_of(1));
    CHECK(lost_of(1) > 800);
    CHECK(lost_of(1) < 1200);
    CHECK(lost_of(1) != lost_of(2));
}

TEST_CASE("a full line drops what comes and counts it") {
    DelayLine line({6ms, 0us, 0}, 1, 2);
    for (unsigned i = 0; i < 5; ++i) line.offer(kStart, numbered(i));
    CHECK(line.counters().accepted == 2);
    CHECK(line.counters().overflow == 3);
    CHECK(line.take(kStart + 1s) == numbered(0));
}
