#include "agent/link/backoff.hpp"

#include <doctest/doctest.h>

using namespace edge::agent;
using namespace std::chrono_literals;

TEST_CASE("failures wait longer and longer, at random, and never above a minute") {
    Backoff::Milliseconds longest[8]{};
    for (std::uint64_t seed = 0; seed < 300; ++seed) {
        Backoff backoff(30s, seed);
        for (auto& one : longest) one = std::max(one, backoff.after_failure());
    }
    const Backoff::Milliseconds caps[8] = {2s, 4s, 8s, 16s, 32s, 60s, 60s, 60s};
    for (int i = 0; i < 8; ++i) {
        CHECK(longest[i] <= caps[i]);
        CHECK(longest[i] >= caps[i] * 9 / 10);
    }
}

TEST_CASE("the first try after a lost session comes within the configured window") {
    Backoff::Milliseconds longest{0};
    for (std::uint64_t seed = 0; seed < 300; ++seed) {
        Backoff backoff(2s, seed);
        backoff.session_began(Backoff::Time{});
        longest = std::max(longest, backoff.after_session(Backoff::Time{} + 5s));
    }
    CHECK(longest <= 2s);
    CHECK(longest >= 1800ms);
}

TEST_CASE("a session of a minute forgives, a shorter one does not") {
    Backoff::Milliseconds short_one{0};
    Backoff::Milliseconds stable{0};
    for (std::uint64_t seed = 0; seed < 300; ++seed) {
        for (const auto lived : {59s, 60s}) {
            Backoff backoff(100ms, seed);
            for (int i = 0; i < 6; ++i) backoff.after_failure();
            backoff.session_began(Backoff::Time{});
            auto& longest = lived == 60s ? stable : short_one;
            longest = std::max(longest, backoff.after_session(Backoff::Time{} + lived));
        }
    }
    CHECK(stable <= 100ms);
    CHECK(short_one > 30s);
}
