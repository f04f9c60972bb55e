// What a node lends, as its policy.toml says: told to the broker, which may ask for less and never for more.
#pragma once
#include <boost/describe.hpp>
#include <cstdint>
#include <string>
#include <vector>

namespace edge::link {

struct PolicyTargets {
    static constexpr bool fields_have_defaults = true;
    std::vector<std::string> allow;    // prefixes, as in policy.toml
    std::vector<std::string> deny;     // prefixes and the addresses that this node's broker was found at
    std::vector<std::uint16_t> ports;  // none: any
    std::vector<std::string> only;     // ADDRESS:PORT that are open to TCP whatever the others say
};
BOOST_DESCRIBE_STRUCT(PolicyTargets, (), (allow, deny, ports, only))

/// Of each line; 0 is no limit.
struct PolicyLine {
    static constexpr bool fields_have_defaults = true;
    std::uint64_t bytes_per_s = 0;
    std::uint64_t packets_per_s = 0;
    std::uint64_t bytes_per_day = 0;
    std::uint64_t p95_bytes_per_s = 0;
};
BOOST_DESCRIBE_STRUCT(PolicyLine, (), (bytes_per_s, packets_per_s, bytes_per_day, p95_bytes_per_s))

/// Of each destination, all lines of the node together; 0 is no limit.
struct PolicyDestination {
    static constexpr bool fields_have_defaults = true;
    std::uint32_t probes_per_s = 0;
    std::uint32_t burst = 0;
};
BOOST_DESCRIBE_STRUCT(PolicyDestination, (), (probes_per_s, burst))

/// Of each worker.
struct PolicyWorker {
    static constexpr bool fields_have_defaults = true;
    std::uint32_t cpu_percent = 0;
    std::uint32_t memory_mb = 0;
    std::uint32_t pids = 0;
};
BOOST_DESCRIBE_STRUCT(PolicyWorker, (), (cpu_percent, memory_mb, pids))

/// Beyond it the host has other things to do, and new tasks are refused as busy; 0 is never.
struct PolicyHost {
    static constexpr bool fields_have_defaults = true;
    std::uint32_t cpu_pressure_percent = 0;
    std::uint32_t memory_pressure_percent = 0;
    std::uint32_t load_per_cpu_percent = 0;
};
BOOST_DESCRIBE_STRUCT(PolicyHost, (), (cpu_pressure_percent, memory_pressure_percent, load_per_cpu_percent))

/// A→S: once a session, and when it changed. The last one counts.
struct Policy {
    std::string hash;  // hex SHA-256 of policy.toml, as in hello
    std::vector<std::string> services;
    PolicyTargets targets;
    PolicyLine line;
    PolicyDestination destination;
    PolicyWorker worker;
    PolicyHost host;
};
BOOST_DESCRIBE_STRUCT(Policy, (), (hash, services, targets, line, destination, worker, host))

}  // namespace edge::link
