// How we know which line a probe took. The worker reports what its socket says, the launcher what the kernel's route
// lookup says; only where they agree with the line is a result `verified`. It speaks of this kernel's path, of no hop
// behind it.
#pragma once
#include <boost/describe.hpp>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "protocol/probes/report.hpp"

namespace edge {

enum class EnforcedBy { none, cooperative, nft, bpf };
BOOST_DESCRIBE_ENUM(EnforcedBy, none, cooperative, nft, bpf)

struct RouteGet {
    static constexpr bool fields_have_defaults = true;
    std::string oif;
    std::string gw;  // empty: on-link
    std::string prefsrc;
    std::uint32_t table = 0;
    std::string error;  // empty, or the kernel's errno name
};
BOOST_DESCRIBE_STRUCT(RouteGet, (), (oif, gw, prefsrc, table, error))

struct Evidence {
    static constexpr bool fields_have_defaults = true;
    std::string src_addr;
    std::uint16_t src_port = 0;
    std::string dst_addr;
    std::uint16_t dst_port = 0;
    std::string ifname;
    std::uint32_t ifindex = 0;
    std::uint32_t fwmark = 0;
    std::uint32_t table = 0;
    std::optional<RouteGet> route_get;
    EnforcedBy enforced_by = EnforcedBy::none;
    bool verified = false;
    std::string mismatch_reason;  // empty when verified
};
BOOST_DESCRIBE_STRUCT(Evidence, (),
                      (src_addr, src_port, dst_addr, dst_port, ifname, ifindex, fwmark, table, route_get, enforced_by,
                       verified, mismatch_reason))

/// A line as the launcher describes it.
struct LineFacts {
    std::string name;
    std::string ifname;
    std::uint32_t ifindex = 0;
    std::uint32_t mark = 0;
    std::uint32_t table = 0;
    std::vector<std::string> addresses;  // canonical text
    EnforcedBy enforced_by = EnforcedBy::none;
};

/// Where a socket sends, as far as a rule of the kernel's may tell it from another to the same address: `ip rule …
/// ipproto tcp dport 80`. protocol 0: any, and no port.
struct Flow {
    std::string destination;
    std::uint16_t protocol = 0;  // IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP or IPPROTO_ICMPV6
    std::uint16_t port = 0;
    auto operator<=>(const Flow&) const = default;
};

/// What a worker reports is not trusted: another protocol than those four counts as 0.
Flow flow_of(const SocketFacts& socket);

/// One socket of a probe, and the kernel's route of its flow; empty when the launcher was not asked or did not
/// answer.
struct SocketPath {
    SocketFacts socket;
    std::optional<RouteGet> route;
};

/// Joins the three views. `paths`: every socket that carried the measurement, in order; evidence tells of the last,
/// which the answer came from. verified: of each, the source is one of the line's addresses, the device and mark are
/// the line's (under nft a socket bears neither, because its rules go by the user id: there they must not be others),
/// the route's oif is the line's device, the route's table is the line's; and something enforces it: bpf, nft, or the
/// prober itself (cooperative), whose word for its sockets is all there is then: the device, and no other mark.
Evidence make_evidence(const LineFacts& line, const std::vector<SocketPath>& paths);

/// A mismatch fails the result: it is never published as good. A probe that sent nothing has nothing to verify.
void apply_evidence(const Evidence& evidence, ProbeReport& report);

}  // namespace edge
