// How a node is doing and what it has used, told once a minute. Figures of lines are deltas of the interval.
#pragma once
#include <boost/describe.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "protocol/ids.hpp"

namespace edge::link {

/// Permille of what there is; absent where the host does not say.
struct HostFacts {
    static constexpr bool fields_have_defaults = true;
    std::uint32_t cpus = 0;
    std::optional<std::uint32_t> cpu_permille;  // of all processors together, over the interval
    std::uint32_t load_permille = 0;            // load average of a minute, · 1000
    std::uint64_t memory_bytes = 0;
    std::uint64_t memory_free_bytes = 0;
    std::uint64_t disk_bytes = 0;  // where the agent keeps its state
    std::uint64_t disk_free_bytes = 0;
    // Share of the last ten seconds in which something waited for it (PSI `some avg10`).
    std::optional<std::uint32_t> cpu_pressure_permille;
    std::optional<std::uint32_t> memory_pressure_permille;
    std::optional<std::uint32_t> io_pressure_permille;
    std::string busy;  // why no new tasks are taken; empty when they are
};
BOOST_DESCRIBE_STRUCT(HostFacts, (),
                      (cpus, cpu_permille, load_permille, memory_bytes, memory_free_bytes, disk_bytes, disk_free_bytes,
                       cpu_pressure_permille, memory_pressure_permille, io_pressure_permille, busy))

struct LineUsage {
    static constexpr bool fields_have_defaults = true;
    LineName name;
    std::uint64_t sent_bytes = 0;
    std::uint64_t sent_packets = 0;
    std::uint64_t received_bytes = 0;
    std::uint64_t received_packets = 0;
    std::uint64_t denied = 0;     // packets to a target that the policy forbids
    std::uint64_t throttled = 0;  // packets beyond the line's budget
    std::uint64_t day_bytes = 0;  // no delta: of this day, both ways, as the launcher counts them
};
BOOST_DESCRIBE_STRUCT(LineUsage, (),
                      (name, sent_bytes, sent_packets, received_bytes, received_packets, denied, throttled, day_bytes))

/// A sandbox that lived when the facts were taken; figures since its start.
struct SandboxUsage {
    static constexpr bool fields_have_defaults = true;
    std::uint32_t worker = 0;
    LineName line;
    std::uint32_t pids = 0;
    std::uint64_t cpu_us = 0;
    std::uint64_t throttled_us = 0;
    std::uint64_t memory_bytes = 0;
    std::uint64_t memory_peak_bytes = 0;
    std::uint64_t oom_kills = 0;
};
BOOST_DESCRIBE_STRUCT(SandboxUsage, (),
                      (worker, line, pids, cpu_us, throttled_us, memory_bytes, memory_peak_bytes, oom_kills))

/// A→S, droppable.
struct Facts {
    std::uint64_t at_us = 0;
    std::uint32_t interval_ms = 0;
    HostFacts host;
    std::vector<LineUsage> lines;
    std::vector<SandboxUsage> sandboxes;
};
BOOST_DESCRIBE_STRUCT(Facts, (), (at_us, interval_ms, host, lines, sandboxes))

}  // namespace edge::link
