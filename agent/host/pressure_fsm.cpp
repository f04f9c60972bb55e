#include "agent/host/pressure_fsm.hpp"

#include <vector>

namespace edge::agent {
namespace {

using namespace std::chrono_literals;

constexpr auto kQuietFor = 30s;

struct Gauge {
    const char* name;
    std::uint64_t permille;
    std::uint32_t threshold_percent;

    bool is_past() const { return permille >= std::uint64_t{threshold_percent} * 10; }
    bool is_well_below() const { return permille * 4 < std::uint64_t{threshold_percent} * 10 * 3; }
    std::string text() const {
        return std::string(name) + " " + std::to_string(permille / 10) + " %, policy's limit " +
               std::to_string(threshold_percent) + " %";
    }
};

std::vector<Gauge> gauges(const link::HostFacts& host, const link::PolicyHost& thresholds) {
    std::vector<Gauge> all;
    if (host.cpu_pressure_permille) {
        all.push_back({"cpu pressure", *host.cpu_pressure_permille, thresholds.cpu_pressure_percent});
    } else if (host.cpus > 0) {
        all.push_back({"load per processor", host.load_permille / host.cpus, thresholds.load_per_cpu_percent});
    }
    if (host.memory_pressure_permille)
        all.push_back({"memory pressure", *host.memory_pressure_permille, thresholds.memory_pressure_percent});
    std::erase_if(all, [](const Gauge& gauge) { return gauge.threshold_percent == 0; });
    return all;
}

}  // namespace

bool PressureFsm::sample(const link::HostFacts& host, Time now) {
    std::string past;
    bool quiet = true;
    for (const Gauge& gauge : gauges(host, thresholds_)) {
        if (past.empty() && gauge.is_past()) past = gauge.text();
        quiet = quiet && gauge.is_well_below();
    }
    const bool was_busy = !busy_.empty();
    if (!past.empty()) {
        quiet_since_.reset();
        if (was_busy) return false;
        busy_ = "the host has other things to do: " + past;
        return true;
    }
    if (!was_busy) return false;
    if (!quiet) quiet_since_.reset();
    if (quiet && !quiet_since_) quiet_since_ = now;
    if (!quiet || now - *quiet_since_ < kQuietFor) return false;
    busy_.clear();
    quiet_since_.reset();
    return true;
}

}  // namespace edge::agent
