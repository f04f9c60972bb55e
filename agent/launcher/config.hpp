// What lines.toml and policy.toml say. Root owns both: the agent names a line, everything else about it comes from
// here.
#pragma once
#include <algorithm>
#include <array>
#include <boost/describe.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/launcher/os/capabilities.hpp"
#include "protocol/ip.hpp"
#include "protocol/result.hpp"
#include "protocol/targets/target_port.hpp"

namespace edge::launcher {

/// Who writes the routes of a line's table: the launcher, or the host's own network configuration (then only checked).
enum class Routes { managed, external };
BOOST_DESCRIBE_ENUM(Routes, managed, external)

/// What tells a line from others on this host. `device`: a network device that is the line's alone, of whatever make
/// (VLAN, bond, ppp). `address`: an address of a device that several such lines share. `macvlan`: a device that the
/// launcher makes on another one, with an address of its own on that wire. `netns`: a device in another network
/// namespace.
enum class LineKind { device, address, macvlan, netns };
BOOST_DESCRIBE_ENUM(LineKind, device, address, macvlan, netns)

/// An address of the line, and if the file says it, the length of the network it stands in (0: not said).
struct LineAddress : IpAddress {
    LineAddress() = default;
    LineAddress(const IpAddress& address, std::uint8_t network = 0) : IpAddress(address), length(network) {}
    /// `192.0.2.5` or `192.0.2.5/24`.
    static Result<LineAddress> parse(std::string_view text);

    std::uint8_t length = 0;
};

/// A device's hardware address.
struct MacAddress {
    std::array<std::uint8_t, 6> bytes{};
    /// `02:00:5e:10:00:01`, of one device: the lowest bit of the first byte is 0.
    static Result<MacAddress> parse(std::string_view text);
    std::string text() const;
    friend auto operator<=>(const MacAddress&, const MacAddress&) = default;
};

/// User ids, both ends included.
struct UidRange {
    std::uint32_t first = 0;
    std::uint32_t last = 0;
    friend auto operator<=>(const UidRange&, const UidRange&) = default;
};

struct Line {
    static constexpr bool fields_have_defaults = true;
    std::string name;
    std::string carrier;
    LineKind kind = LineKind::device;
    std::string device;
    std::string parent;  // of a macvlan: the device it is made on
    std::optional<MacAddress> mac;
    std::string netns;  // of that kind: a name, as ip(8) has it, or a path
    std::vector<LineAddress> addresses;
    std::optional<IpAddress> gateway4;
    std::optional<IpAddress> gateway6;
    std::uint32_t table = 0;
    std::uint32_t mark = 0;
    std::vector<IpAddress> resolvers;
    Routes routes = Routes::external;
    UidRange uids{};  // its workers'; not of the file

    bool has_family(bool v6) const {
        return std::any_of(addresses.begin(), addresses.end(), [v6](const IpAddress& one) { return one.v6 == v6; });
    }
    /// Where its namespace is bound; empty: the launcher's own.
    std::string netns_path() const { return netns.empty() || netns.front() == '/' ? netns : "/run/netns/" + netns; }
};
BOOST_DESCRIBE_STRUCT(Line, (),
                      (name, carrier, kind, device, parent, mac, netns, addresses, gateway4, gateway6, table, mark,
                       resolvers, routes))

struct Targets {
    static constexpr bool fields_have_defaults = true;
    std::vector<IpPrefix> allow;       // lifts the built-in deny list of edge-probe
    std::vector<IpPrefix> deny;        // always wins
    std::vector<std::uint16_t> ports;  // TCP and UDP destinations; none: any
    std::vector<TargetPort> only;      // TCP, whatever the others say
};
BOOST_DESCRIBE_STRUCT(Targets, (), (allow, deny, ports, only))

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

    bool any() const { return (bytes_per_s | packets_per_s | bytes_per_day | p95_bytes_per_s) != 0; }
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
    bool cpu_first = true;                     // workers run when nobody else wants the processor
};
BOOST_DESCRIBE_STRUCT(HostLimits, (), (cpu_pressure_percent, memory_pressure_percent, load_per_cpu_percent, cpu_first))

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

struct ConfigTexts {
    std::string lines_file, lines, policy_file, policy;
};
/// Where the two contradict each other: what a line needs and the policy forbids. Of texts that parse. Pure.
void check_together(const Config& config, const ConfigTexts& texts, Problems& problems);

/// What --guard asked for.
enum class GuardChoice { automatic, bpf, nft, cooperative };

/// How the launcher was started, which decides what the files can have.
struct Started {
    Privileges privileges = Privileges::root;
    bool may_enter_namespaces = true;
    GuardChoice guard = GuardChoice::automatic;
};

/// Reads DIR/lines.toml and DIR/policy.toml, which only root may have written, or we without privileges. What they ask
/// for and the launcher cannot do as it was started is a problem, too; workers of one without privileges have no
/// limits.
Config read_config(const std::string& dir, const Started& started, Problems& problems);

/// uid-base and the 255 above it, shared out: with nftables a line is known by the uids of its workers. One alone, the
/// launcher's own, is every line's. Pure.
inline constexpr std::uint32_t kWorkerUids = 256;
void share_out_uids(std::uint32_t uid_base, std::uint32_t uids, std::vector<Line>& lines);
/// The first user of a passwd(5) file whose uid is among those, as `NAME (uid N)`. Pure.
std::optional<std::string> user_among_workers(std::string_view passwd, std::uint32_t uid_base);

/// What a worker is told of it, as arguments: `PROGRAM worker --fd 3 --line …`; `ca` is the CA bundle's path, or empty.
/// Pure.
std::vector<std::string> worker_arguments(const std::string& program, const Line& line, const Policy& policy,
                                          const std::string& ca);

}  // namespace edge::launcher
