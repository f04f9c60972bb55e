// The BPF program that holds a line's sockets to the line, instruction by instruction. Pure.
#pragma once
#include <linux/bpf.h>

#include <cstdint>
#include <vector>

namespace edge::launcher {

/// What a line's sockets are bound to. Without a device no socket may be made at all.
struct Binding {
    std::uint32_t device = 0;  // ifindex
    std::uint32_t mark = 0;
    friend bool operator==(const Binding&, const Binding&) = default;
};

/// A `cgroup/sock_create` program: lets TCP, UDP and ping sockets over IPv4 and IPv6 be made, each bound to the device
/// and marked before its maker sees it; refuses every other IP socket (raw, MPTCP, SCTP, UDP-Lite) with EPERM.
/// A bound socket is not rebound without CAP_NET_RAW (sock_bindtoindex_locked, since Linux 5.7).
/// Source: bpf-helpers is not needed; struct bpf_sock in <linux/bpf.h>, Documentation/bpf/instruction-set.
std::vector<bpf_insn> sock_create_program(const Binding& binding);

}  // namespace edge::launcher
