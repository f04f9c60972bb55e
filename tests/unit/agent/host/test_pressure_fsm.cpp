#include <doctest/doctest.h>

#include "agent/host/pressure_fsm.hpp"

using namespace edge;
using namespace edge::agent;
using namespace std::chrono_literals;

namespace {

link::HostFacts host(std::uint32_t cpus, std::uint32_t load, std::optional<std::uint32_t> cpu,
                     std::optional<std::uint32_t> memory = {}) {
    link::HostFacts facts;
    facts.cpus = cpus;
    facts.load_permille = load;
    facts.cpu_pressure_permille = cpu;
    facts.memory_pressure_permille = memory;
    return facts;
}

struct PressureRig {
    PressureFsm fsm;
    Time now = Time{} + 100s;

    PressureRig() {
        fsm.thresholds({.cpu_pressure_percent = 40, .memory_pressure_percent = 10, .load_per_cpu_percent = 200});
    }
    bool sample(const link::HostFacts& facts) {
        now += 10s;
        return fsm.sample(facts, now);
    }
    bool cpu(std::uint32_t permille) { return sample(host(2, 0, permille)); }
};

}  // namespace

TEST_CASE("past the threshold the host is busy at once, and says of what") {
    PressureRig rig;
    CHECK_FALSE(rig.cpu(399));
    CHECK(rig.fsm.busy().empty());
    CHECK(rig.cpu(400));
    CHECK(rig.fsm.busy() == "the host has other things to do: cpu pressure 40 %, policy's limit 40 %");
    CHECK_FALSE(rig.cpu(900));
}

TEST_CASE("it is free again only after 30 s well below, without a relapse between") {
    PressureRig rig;
    rig.cpu(500);
    for (const std::uint32_t permille : {299u, 299u, 300u, 0u, 0u, 0u}) {  // 300 begins the wait anew
        CHECK_FALSE(rig.cpu(permille));
        CHECK_FALSE(rig.fsm.busy().empty());
    }
    CHECK(rig.cpu(0));
    CHECK(rig.fsm.busy().empty());
    CHECK(rig.cpu(400));
}

TEST_CASE("load counts only where the kernel tells no pressure, per processor") {
    PressureRig rig;
    CHECK_FALSE(rig.sample(host(2, 9'000, 10)));
    CHECK_FALSE(rig.sample(host(2, 3'999, {})));
    CHECK(rig.sample(host(2, 4'000, {})));
    CHECK(rig.fsm.busy().find("load per processor 200 %") != std::string::npos);
}

TEST_CASE("memory pressure makes it busy, and a threshold of 0 is never passed") {
    PressureRig rig;
    CHECK(rig.sample(host(1, 0, {}, 100)));
    PressureRig off;
    off.fsm.thresholds({});
    CHECK_FALSE(off.sample(host(1, 0, 1'000, 1'000)));
    CHECK_FALSE(off.sample(host(1, 1'000'000, {})));
    CHECK(off.fsm.busy().empty());
}

TEST_CASE("a policy that lifts its thresholds frees a busy host") {
    PressureRig rig;
    rig.cpu(900);
    rig.fsm.thresholds({});
    for (int i = 0; i < 3; ++i) CHECK_FALSE(rig.cpu(900));
    CHECK(rig.cpu(900));
    CHECK(rig.fsm.busy().empty());
}
