// What goes wrong in a run: which, when, and for how long, all from the run's seed.
#pragma once
#include <array>
#include <cstdint>
#include <string_view>

namespace edge::sim {

enum class Fault : std::size_t {
    agent_killed,
    agent_power_cut,
    agent_power_cut_while_writing,
    agent_disk_lost,
    agent_disk_full,
    agent_write_failed,
    agent_sync_failed,
    agent_clock_stepped,
    broker_killed,
    broker_stopped,
    store_full,
    store_restored,
    connection_cut,
    half_open_up,
    half_open_down,
    partition,
    slow_network,
    broken_box,
};
inline constexpr std::array<std::string_view, 18> kFaultNames{
    "agent_killed",      "agent_power_cut",     "agent_power_cut_while_writing",
    "agent_disk_lost",   "agent_disk_full",     "agent_write_failed",
    "agent_sync_failed", "agent_clock_stepped", "broker_killed",
    "broker_stopped",    "store_full",          "store_restored",
    "connection_cut",    "half_open_up",        "half_open_down",
    "partition",         "slow_network",        "broken_box"};
using FaultCounts = std::array<std::uint64_t, kFaultNames.size()>;

}  // namespace edge::sim
