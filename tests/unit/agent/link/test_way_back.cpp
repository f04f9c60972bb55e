#include "agent/link/way_back.hpp"

#include <doctest/doctest.h>

using namespace edge::agent;
using namespace std::chrono_literals;

namespace {

const Time kStart = Time{} + 1h;

/// Trials from `from` on, as they fall due; when it went back, or nothing within an hour.
template <class Well>
std::optional<std::chrono::seconds> goes_back(WayBack& back, Time from, Well well) {
    for (Time now = from; now < from + 1h; now += 1s) {
        if (!back.due(now)) continue;
        if (back.answered(well(now - from), now)) return std::chrono::duration_cast<std::chrono::seconds>(now - from);
    }
    return std::nullopt;
}

}  // namespace

TEST_CASE("a better uplink is taken when it has answered for a minute, and not before five minutes are over") {
    WayBack back({60s, 300s});
    back.moved(kStart);
    back.better(0, kStart);
    CHECK(back.deadline() == kStart);
    CHECK(goes_back(back, kStart, [](auto) { return true; }) == 300s);
    WayBack later({60s, 300s});
    later.moved(kStart - 10min);
    later.better(0, kStart);
    CHECK(goes_back(later, kStart, [](auto) { return true; }) == 60s);
}

TEST_CASE("one answer that does not come begins the minute anew") {
    WayBack back({60s, 0s});
    back.moved(kStart - 10min);
    back.better(0, kStart);
    CHECK(goes_back(back, kStart, [](auto since) { return since != 40s; }) == 120s);
}

TEST_CASE("one that answers now and then only is never taken") {
    WayBack back({60s, 0s});
    back.better(0, kStart);
    int n = 0;
    CHECK(!goes_back(back, kStart, [&](auto) { return ++n % 3 != 0; }));
    CHECK(n == 180);
}

TEST_CASE("nothing is tried where there is nothing better, nor two at once") {
    WayBack back({60s, 0s});
    CHECK(!back.deadline());
    CHECK(!back.due(kStart));
    back.better(1, kStart);
    CHECK(back.due(kStart) == 1);
    CHECK(!back.due(kStart + 1min));
    CHECK(!back.deadline());
    back.better(std::nullopt, kStart);
    CHECK(!back.answered(true, kStart));
    CHECK(!back.due(kStart + 1min));
}

TEST_CASE("a trial of one that is not the best any more counts for nothing") {
    WayBack back({60s, 0s});
    back.better(1, kStart);
    REQUIRE(back.due(kStart) == 1);
    back.better(0, kStart);
    CHECK(!back.answered(true, kStart + 2min));
    CHECK(back.due(kStart + 2min) == 0);
    CHECK(!back.answered(true, kStart + 2min));
}
