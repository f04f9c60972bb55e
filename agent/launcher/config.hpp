// What lines.toml and policy.toml say. Root owns both: the agent names a line, everything else about it comes from
// here.
#pragma once
#include <boost/describe.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/ip.hpp"
#include "protocol/result.hpp"

namespace edge::launcher {

/// Who writes the routes of a line's table: the launcher, or the host's own network configuration (then only checked).
enum class Routes { managed, external };
BOOST_DESCRIBE_ENUM(Routes, managed, external)

struct Line {
    static constexpr bool fields_have_defaults = true;
    std::string name;
    std::string carrier;
    std::string device;
    std::vector<IpAddress> addresses;
    std::optional<IpAddress> gateway4;
    std::optional<IpAddress> gateway6;
    std::uint32_t table = 0;
    std::uint32_t mark = 0;
    std::vector<IpAddress> resolvers;
    Routes routes = Routes::external;
};
BOOST_DESCRIBE_STRUCT(Line, (), (name, carrier, device, addresses, gateway4, gateway6, table, mark, resolvers, routes))

struct Targets {
    static constexpr bool fields_have_defaults = true;
    std::vector<IpPrefix> allow;       // lifts the built-in deny list of edge-probe
    std::vector<IpPrefix> deny;        // always wins
    std::vector<std::uint16_t> ports;  // TCP and UDP destinations; none: any
};
BOOST_DESCRIBE_STRUCT(Targets, (), (allow, deny, ports))

struct Limits {
    static constexpr bool fields_have_defaults = true;
    std::uint32_t cpu_percent = 50;  // of one processor
    std::uint32_t memory_mb = 64;    // MiB, page cache and kernel memory of the worker included
    std::uint32_t pids = 4;          // threads count too
};
BOOST_DESCRIBE_STRUCT(Limits, (), (cpu_percent, memory_mb, pids))

/// What a line may send, all its workers together; 0 is no limit.
struct LineLimits {
    static constexpr bool fields_have_defaults = true;
    std::uint64_t bytes_per_s = 0;  // of IP
    std::uint64_t packets_per_s = 0;
    std::uint64_t bytes_per_day = 0;    // both ways, of a UTC day; then the line is closed until midnight
    std::uint64_t p95_bytes_per_s = 0;  // 5 % of a month's five-minute slots may be above it
};
BOOST_DESCRIBE_STRUCT(LineLimits, (), (bytes_per_s, packets_per_s, bytes_per_day, p95_bytes_per_s))

/// How often one destination may be probed, by all lines of the node together; 0 is no limit.
struct DestinationLimits {
    static constexpr bool fields_have_defaults = true;
    std::uint32_t probes_per_s = 1;
    std::uint32_t burst = 10;
};
BOOST_DESCRIBE_STRUCT(DestinationLimits, (), (probes_per_s, burst))

/// Beyond it the host has other things to do and no new task is taken; 0 is never.
struct HostLimits {
    static constexpr bool fields_have_defaults = true;
    std::uint32_t cpu_pressure_percent = 40;
    std::uint32_t memory_pressure_percent = 10;
    std::uint32_t load_per_cpu_percent = 200;  // where the kernel tells no pressure
};
BOOST_DESCRIBE_STRUCT(HostLimits, (), (cpu_pressure_percent, memory_pressure_percent, load_per_cpu_percent))

struct Policy {
    static constexpr bool fields_have_defaults = true;
    std::vector<std::string> services;
    Targets targets;
    LineLimits line;
    DestinationLimits destination;
    HostLimits host;
    Limits worker;
};
BOOST_DESCRIBE_STRUCT(Policy, (), (services, targets, line, destination, host, worker))

struct Config {
    std::vector<Line> lines;
    Policy policy;
    std::string policy_text;  // the file's bytes, for its hash
};

using Problems = std::vector<Error>;  // each with FILE:LINE:COLUMN in `where`

/// What the texts say, or everything that is wrong with them. Pure; `file` is for messages only.
std::vector<Line> parse_lines(std::string_view text, const std::string& file, Problems& problems);
Policy parse_policy(std::string_view text, const std::string& file, Problems& problems);

/// Reads DIR/lines.toml and DIR/policy.toml, which only root may have written.
Config read_config(const std::string& dir, Problems& problems);

/// What a worker is told of it, as arguments: `PROGRAM worker --fd 3 --line …`; `ca` is the CA bundle's path, or empty.
/// Pure.
std::vector<std::string> worker_arguments(const std::string& program, const Line& line, const Policy& policy,
                                          const std::string& ca);

}  // namespace edge::launcher
