#include <doctest/doctest.h>

#include "broker/webhooks/breaker.hpp"
#include "broker/webhooks/schedule.hpp"

using namespace edge::broker;
using namespace edge::broker::webhooks;

namespace {
constexpr WallTime kTick = 1'000'000;
constexpr WallTime kAnHour = 3'600 * kTick;
}  // namespace

TEST_CASE("each delay of the schedule is a tenth more or less than the specification's") {
    const WallTime delays[] = {5, 5 * 60, 30 * 60, 2 * 3'600, 5 * 3'600, 10 * 3'600, 14 * 3'600, 20 * 3'600};
    for (std::uint32_t n = 1; n <= 8; ++n) {
        const WallTime exact = delays[n - 1] * kTick;
        for (const std::uint64_t random : {0ULL, 1ULL, 12'345'678'901ULL, ~0ULL}) {
            const WallTime wait = *next_attempt(n, 0, 1'000 * kAnHour, random) - 1'000 * kAnHour;
            CAPTURE(n);
            CHECK(wait >= exact - exact / 10);
            CHECK(wait <= exact + exact / 10);
        }
        CHECK(*next_attempt(n, 0, 1'000 * kAnHour, 0) != *next_attempt(n, 0, 1'000 * kAnHour, exact / 7));
    }
    CHECK(!next_attempt(10, 0, kAnHour, 0));
}

TEST_CASE("however the dice fall, the last attempt comes 75 hours and 35 minutes after the first or later") {
    for (const std::uint64_t random : {0ULL, 7ULL, 999'999'999'999ULL}) {
        WallTime now = kAnHour;
        std::uint32_t attempts = 1;
        while (const auto next = next_attempt(attempts, kAnHour, now, random)) {
            now = *next;
            ++attempts;
        }
        CHECK(attempts == 10);
        CHECK(now - kAnHour >= kScheduleSpan);
        CHECK(now - kAnHour <= kScheduleSpan * 11 / 10 + kTick);
    }
}

TEST_CASE("the breaker opens at the fifth failure in a row, longer each time, and closes at one success") {
    Breaker breaker;
    for (int i = 0; i < 4; ++i) breaker.failed(kAnHour, 0);
    breaker.succeeded();
    for (int i = 0; i < 4; ++i) breaker.failed(kAnHour, 0);
    CHECK(!breaker.is_open());
    breaker.failed(kAnHour, 0);
    REQUIRE(breaker.is_open());
    const WallTime first = breaker.until();
    CHECK(first >= kAnHour + 27 * kTick);
    breaker.failed(kAnHour + kTick, 0);  // was under way
    CHECK(breaker.until() == first);
    WallTime wait = 0;
    for (int i = 0; i < 20; ++i) {
        const WallTime at = breaker.until();
        breaker.failed(at, 0);
        CHECK(breaker.until() - at >= wait);
        wait = breaker.until() - at;
    }
    CHECK(wait <= Breaker::kLongest);
    breaker.succeeded();
    CHECK(!breaker.is_open());
}
