#include <algorithm>
#include <cmath>

#include "tests/unit/agent/link/link_fsm_rig.hpp"
#include "tests/unit/agent/results.hpp"

using namespace edge;
using namespace edge::agent;

namespace {

constexpr std::uint64_t kMachines = 2'000;
constexpr double kCritical = 1.628;  // of D·√n: more comes by chance once in a hundred

/// How far the waits are from uniform in 0 to `window`: Kolmogorov's D, times √n.
double distance_from_uniform(std::vector<std::chrono::milliseconds> waits, std::chrono::milliseconds window) {
    std::ranges::sort(waits);
    const auto n = static_cast<double>(waits.size());
    double farthest = 0;
    for (std::size_t i = 0; i < waits.size(); ++i) {
        const double expected = static_cast<double>(waits[i].count()) / static_cast<double>(window.count());
        farthest =
            std::max({farthest, static_cast<double>(i + 1) / n - expected, expected - static_cast<double>(i) / n});
    }
    return farthest * std::sqrt(n);
}

}  // namespace

TEST_CASE("machines that a broker sends away come back evenly over the window that it names") {
    struct Case {
        std::string name;
        std::chrono::milliseconds window;
        bool has_in_flight;
        Closed why;
    };
    const Case kCases[] = {
        {"a second", 1s, false, {}},
        {"half a minute", 30s, false, {}},
        {"an hour", 1h, false, {}},
        {"after what was in flight is acknowledged", 30s, true, {}},
        {"whatever the connection's end says", 30s, false, Closed{.reason = "closed", .retry_after = 5s}},
        {"where another broker could be dialled at once", 30s, false, Closed{.reason = "closed", .another_way = true}},
    };
    for (const Case& one : kCases) {
        CAPTURE(one.name);
        std::vector<std::chrono::milliseconds> waits;
        for (std::uint64_t seed = 1; seed <= kMachines; ++seed) {
            Rig rig(seed);
            rig.go_live();
            rig.now += 2h;  // a session like any other
            if (one.has_in_flight) rig.fsm.result_sent(1, 100);
            const auto window_ms = static_cast<std::uint64_t>(one.window.count());
            rig.hear(link::Goaway{link::GoawayReason::maintenance, 10'000, window_ms});
            if (one.has_in_flight) {
                REQUIRE(rig.fsm.live());
                rig.hear(link::ResultAck{1});
            }
            REQUIRE(!rig.fsm.live());
            waits.push_back(rig.wait_after(one.why));
        }
        CHECK(std::ranges::max(waits) <= one.window);
        CHECK(distance_from_uniform(waits, one.window) < kCritical);
    }
}
