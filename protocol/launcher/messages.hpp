// What agent and launcher say to each other: fixed-size records over one SOCK_SEQPACKET unix socket, host byte order
// (both ends are one machine and one build). No JSON, no lengths, nothing to allocate: the launcher is root.
// A request is one packet {Header, body}; its answer is one packet with the same `serial`. Events carry serial 0.
#pragma once
#include <cstdint>
#include <type_traits>

namespace edge::launcher {

inline constexpr std::uint32_t kMagic = 0x45444745;  // "EDGE"
inline constexpr std::uint16_t kVersion = 7;
inline constexpr unsigned kMaxLines = 32;
inline constexpr unsigned kMaxAddresses = 4;  // of one line, both families together

enum class Type : std::uint16_t {
    // agent → launcher, each answered
    get_line = 1,       // GetLine → LineInfo; by index 0..count-1
    spawn = 2,          // Spawn → Spawned + one fd by SCM_RIGHTS: our end of the worker's STREAM socketpair
    kill = 3,           // Kill → Done; the whole sandbox, by cgroup
    stats = 4,          // Stats → WorkerStats
    route_get = 5,      // RouteGet → Route; how the kernel would send this flow over this line now
    get_host = 6,       // empty body (Header only) → HostInfo
    attempt = 7,        // Attempt → Spawned + one fd; an escape attempt of payloads.hpp in the place of a worker
    get_policy = 10,    // GetPolicy → PolicyPart; by index 0..parts-1
    deny_targets = 11,  // DenyTargets → Done; instead of those it denied before
    line_usage = 12,    // AskUsage → LineUsage
    open_uplink = 13,   // OpenUplink → UplinkSocket + one fd: a socket that leaves by the line, not connected
    // launcher → agent, unasked
    worker_exited = 32,  // WorkerExited
    line_changed = 33,   // LineInfo, when its link, index, addresses or what leads out of it change
};

/// Answers carry 0 or an errno in `status`; with an errno the body is zero, except `Failure::text`.
struct Header {
    std::uint32_t magic = kMagic;
    std::uint16_t version = kVersion;
    Type type{};
    std::uint32_t serial = 0;
    std::int32_t status = 0;
};

struct LineName {
    char text[32]{};  // NUL-terminated, [a-z0-9-]
};

/// One address; family is AF_INET (first 4 bytes count), AF_INET6, or 0 for none.
struct Address {
    std::uint16_t family = 0;
    std::uint8_t bytes[16]{};
};

/// Why a line is closed although its link may be up.
enum class Closed : std::uint32_t { no = 0, day_spent = 1, no_namespace = 2 };
enum class Enforcement : std::uint32_t { none = 0, cooperative = 1, nft_guard = 2, bpf_guard = 3 };

/// What tells a line from others on the host: its device, or its addresses on a device that others use as well; or a
/// device that the launcher made for it; or a device in another network namespace, where its index, table and mark are.
enum class LineBy : std::uint32_t { device = 0, address = 1, macvlan = 2, netns = 3 };

/// What leads nothing into a line's table, or out of it, and is root's or the operator's to add.
struct Lacking {
    std::uint32_t by_address = 0;     // bit i: what has addresses[i] goes by another table
    std::uint32_t by_device = 0;      // bit 0 IPv4, bit 1 IPv6: what is bound to the device does
    std::uint32_t default_route = 0;  // as by_device: the table has none
    friend bool operator==(const Lacking&, const Lacking&) = default;
};

struct LineInfo {
    std::uint32_t count = 0;  // how many lines there are in all
    std::uint32_t index = 0;
    LineName name{};
    char carrier[16]{};  // ct cu cm cbn edu bgp overseas
    char ifname[16]{};
    std::uint32_t ifindex = 0;  // 0: the device is not there
    std::uint32_t mark = 0;
    std::uint32_t table = 0;
    std::uint32_t link_up = 0;  // IFF_UP and carrier present
    Enforcement enforced_by{};
    LineBy kind{};
    Closed closed{};
    Address addresses[kMaxAddresses]{};
    std::uint32_t absent = 0;  // bit i: addresses[i] is not on the device
    Lacking lacking{};
    Address gateway4{};
    Address gateway6{};
    Address resolvers[kMaxAddresses]{};
    char place[64]{};  // of a macvlan, its parent; of netns, the namespace's name or path; else empty
};

/// Where workers have their limits. `none`: they have none, because the launcher is an ordinary user's.
enum class CgroupMode : std::uint32_t { none = 0, hybrid = 1, v2 = 2 };

struct HostInfo {
    std::uint8_t policy_hash[32]{};  // SHA-256 of policy.toml's bytes
    CgroupMode cgroup_mode{};
    std::uint32_t worker_slots = 0;  // how many workers may live at once
    Enforcement enforcement{};
    char kernel[64]{};
    char cgroup[128]{};             // NAME, the group of all it makes; empty: it makes none
    std::uint32_t uid_base = 0;     // workers run as this uid and the uids - 1 above it
    std::uint32_t gid_base = 0;     // and as many groups
    std::uint32_t uids = 0;         // 1: they share the launcher's own
    std::uint32_t cpu_percent = 0;  // of one processor, each worker; 0, as of the next two: no limit
    std::uint32_t memory_mb = 0;    // each worker
    std::uint32_t pids = 0;         // each worker
    std::uint64_t bytes_per_s = 0;  // each line's budget; 0: none
    std::uint64_t packets_per_s = 0;
};

struct GetLine {
    std::uint32_t index = 0;
};

/// What one entry of a PolicyPart says; a kind the agent does not know is skipped.
enum class PolicyFact : std::uint32_t {
    service = 1,  // text
    allow = 2,    // address and number, the prefix's length
    deny = 3,
    port = 4,  // number
    only = 5,  // address and number, a TCP port
    // number, as of all that follow
    line_bytes_per_s = 16,
    line_packets_per_s = 17,
    line_bytes_per_day = 18,
    line_p95_bytes_per_s = 19,
    destination_probes_per_s = 20,
    destination_burst = 21,
    worker_cpu_percent = 22,
    worker_memory_mb = 23,
    worker_pids = 24,
    host_cpu_pressure_percent = 25,
    host_memory_pressure_percent = 26,
    host_load_per_cpu_percent = 27,
};
struct PolicyEntry {
    PolicyFact fact{};  // 0: nothing more
    Address address{};
    char text[16]{};
    std::uint64_t number = 0;
};
inline constexpr unsigned kPolicyEntries = 4;  // of one packet
struct GetPolicy {
    std::uint32_t part = 0;
};
/// policy.toml as the launcher took it, a few entries at a time.
struct PolicyPart {
    std::uint32_t parts = 0;  // how many there are in all
    std::uint32_t part = 0;
    PolicyEntry entries[kPolicyEntries]{};
};

/// Addresses that no probe may speak to, beside what policy.toml denies. The agent can only narrow.
inline constexpr unsigned kMaxDenied = 8;
struct DenyTargets {
    Address addresses[kMaxDenied]{};
};
struct Spawn {
    LineName line{};
};
struct Attempt {
    LineName line{};
    std::uint32_t payload = 0;  // an index of kPayloads; no name and no argument
    std::uint32_t sealed = 0;   // 1: with the worker's own filter and Landlock on
};
struct Spawned {
    std::uint32_t worker = 0;  // never reused while the launcher lives
    std::int32_t pid = 0;      // in the launcher's pid namespace
    std::uint32_t uid = 0;
};
struct Kill {
    std::uint32_t worker = 0;
};
struct Done {};
/// For the agent's own link: by no worker, in no line's cgroup, counted in no budget.
enum class UplinkTransport : std::uint16_t { tcp = 1, udp = 2 };
struct OpenUplink {
    LineName line{};
    std::uint16_t family = 0;  // AF_INET or AF_INET6
    UplinkTransport transport{};
};
struct UplinkSocket {
    Address source{};          // that it is bound to
    std::uint32_t marked = 0;  // 0: the launcher is an ordinary user's, and the socket has a device and an address only
};
struct Stats {
    std::uint32_t worker = 0;
};
/// What the line guard saw of one sandbox, in packets and bytes of IP. What was refused is in no other figure.
struct Traffic {
    std::uint64_t sent_bytes = 0;
    std::uint64_t sent_packets = 0;
    std::uint64_t received_bytes = 0;
    std::uint64_t received_packets = 0;
    std::uint64_t strays = 0;     // by another device, or from another source than the line's
    std::uint64_t denied = 0;     // packets to a target that policy forbids
    std::uint64_t throttled = 0;  // beyond the line's budget
    std::uint64_t unasked = 0;    // TCP connections from outside
};
struct AskUsage {
    std::uint32_t index = 0;  // of the line, as in GetLine
};
/// Of a line, since the launcher began to count; its sandboxes that ended are in it.
struct LineUsage {
    Traffic traffic{};
    std::uint64_t day_bytes = 0;  // of this UTC day, both ways
};
struct WorkerStats {
    std::uint32_t worker = 0;
    std::uint32_t pids = 0;
    std::uint64_t cpu_us = 0;
    std::uint64_t throttled_us = 0;
    std::uint64_t memory_bytes = 0;
    std::uint64_t memory_peak_bytes = 0;
    std::uint64_t oom_kills = 0;
    Traffic traffic{};
};
struct RouteGet {
    LineName line{};
    Address destination{};
    std::uint16_t protocol = 0;  // IPPROTO_TCP, _UDP, _ICMP, _ICMPV6; 0: any, and no port
    std::uint16_t port = 0;      // of the destination
};
struct Route {
    std::uint32_t ifindex = 0;  // oif; 0 when unreachable
    char ifname[16]{};
    std::uint32_t table = 0;
    std::uint32_t mark = 0;
    std::uint32_t link_up = 0;
    Address gateway{};       // family 0: on-link
    Address source{};        // prefsrc
    std::int32_t error = 0;  // 0, or the errno the kernel answered (ENETUNREACH, EHOSTUNREACH, EACCES)
};
enum class ExitReason : std::uint32_t { exited = 0, signaled = 1, killed = 2, oom = 3 };
struct WorkerExited {
    std::uint32_t worker = 0;
    ExitReason reason{};
    std::int32_t code = 0;  // exit status or signal number
};
/// Body of a failed answer: why, as one line for the agent's log and the user.
struct Failure {
    char text[200]{};
};

/// The packet of body B. Send and receive exactly sizeof(Packet<B>), or sizeof(Packet<Failure>) when status != 0.
template <class B>
struct Packet {
    Header header{};
    B body{};
    static_assert(std::is_trivially_copyable_v<B>);
};

}  // namespace edge::launcher
