// The BPF programs that hold a line's sockets and packets to the line, instruction by instruction. Pure.
// Each must hold alone: what one lets through by mistake the next one stops.
#pragma once
#include <linux/bpf.h>

#include <cstdint>
#include <optional>
#include <vector>

#include "agent/launcher/config.hpp"
#include "agent/launcher/lines/bpf_assembly.hpp"
#include "agent/launcher/lines/target_ranges.hpp"
#include "protocol/ip.hpp"
#include "protocol/launcher/messages.hpp"

namespace edge::launcher {

/// How much a line may send; 0 is no limit. A second's worth may come at once.
struct Budget {
    std::uint64_t bytes_per_s = 0;
    std::uint64_t packets_per_s = 0;
    friend bool operator==(const Budget&, const Budget&) = default;
};

/// What a line's sockets are bound to. Without a device no socket may be made at all, and no packet leaves.
struct Binding {
    std::uint32_t device = 0;  // ifindex
    std::uint32_t mark = 0;
    std::vector<IpAddress> addresses{};  // sources, and what may be bound to
    std::vector<std::uint16_t> ports{};  // TCP and UDP destinations; none: any
    Budget budget{};
    UidRange uids{};  // of its workers
    friend bool operator==(const Binding&, const Binding&) = default;
};

/// Descriptors of the maps that the programs ask, and what they decide by themselves. targets4 and targets6: LPM tries
/// of an address's bytes to TargetVerdict; open: hash of OpenKey to anything; traffic: that of a TrafficTable; buckets:
/// array of two u64, bytes and packets.
struct GuardMaps {
    int targets4 = -1;
    int targets6 = -1;
    int open = -1;
    int traffic = -1;
    int buckets = -1;
    /// What targets4 denies, in order, if it is little: then the programs compare, and ask the trie for what stands in
    /// IPv6 addresses alone. A question took 2 to 3 % of what a UDP packet costs in all, and there are two.
    std::optional<std::vector<AddressRange>> denied4{};
};

/// Longest first four bytes of an LPM trie's key say how many bits count. Source: <linux/bpf.h>, bpf_lpm_trie_key.
struct TrieKey {
    std::uint32_t bits = 0;
    std::uint8_t address[16]{};
};

/// An open port: the address's bytes, zeros behind an IPv4 one, and the port in network order.
struct OpenKey {
    std::uint8_t address[16]{};
    std::uint16_t port = 0;
    std::uint8_t protocol = 0;
    std::uint8_t v6 = 0;
};

/// `cgroup/sock_create`: lets TCP, UDP and ping sockets over IPv4 and IPv6 be made, each bound to the device and marked
/// before its maker sees it; refuses every other IP socket (raw, MPTCP, SCTP, UDP-Lite) with EPERM.
/// A bound socket is not rebound without CAP_NET_RAW (sock_bindtoindex_locked, since Linux 5.7).
BpfProgram sock_create_program(const Binding& binding);

/// `cgroup_skb/egress`: drops what would leave by another device (IP_PKTINFO names one in spite of the binding), from
/// an address that is not the line's, to a forbidden target, or beyond the budget; counts the rest. The sender gets
/// EPERM.
BpfProgram egress_program(const Binding& binding, const GuardMaps& maps);

/// `cgroup_skb/ingress`: drops TCP SYN without ACK, and IPv6 with hop-by-hop, routing or destination options, behind
/// which one could hide; counts the rest.
BpfProgram ingress_program(const GuardMaps& maps);

/// `cgroup/connect4|6` and `cgroup/sendmsg4|6`: refuse forbidden targets and ports with EPERM.
BpfProgram target_program(bool v6, const Binding& binding, const GuardMaps& maps);

/// `cgroup/bind4|6`: the line's own addresses only.
BpfProgram bind_program(bool v6, const Binding& binding);

}  // namespace edge::launcher
