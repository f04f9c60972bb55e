// What the kernel tells beside a packet: when it came, with which TTL, and what an ICMP error said. Pure.
// Source: cmsg(3), ip(7) IP_RECVERR, linux/errqueue.h, Documentation/networking/timestamping.rst.
#pragma once
#include <sys/socket.h>

#include <chrono>
#include <cstdint>
#include <optional>

#include "protocol/ip.hpp"

namespace edge::probes {

struct QueuedError {
    std::uint8_t type = 0, code = 0;
    std::optional<IpAddress> from;  // who sent it; none: this host, or it was not told
    bool is_local = false;          // this host's own: `os_errno` says what
    int os_errno = 0;
};

struct ControlFacts {
    std::optional<std::uint32_t> ttl;
    std::optional<std::chrono::nanoseconds> stamped;  // wall clock, on arrival
    std::optional<QueuedError> error;                 // the packet came from the error queue
};

/// Of `msg_control`, after recvmsg(2). A control message that is shorter than what it should hold is left out.
ControlFacts read_control(const msghdr& header);

}  // namespace edge::probes
