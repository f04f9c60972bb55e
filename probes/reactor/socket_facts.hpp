// What the kernel says of a socket, for a result's evidence; and addresses between our form and the kernel's.
#pragma once
#include <sys/socket.h>

#include <cstdint>
#include <optional>

#include "protocol/ip.hpp"
#include "protocol/probes/report.hpp"

namespace edge::probes {

struct Endpoint {
    IpAddress address{};
    std::uint16_t port = 0;
};

/// `192.0.2.1:80`, `[2001:db8::1]:80`.
std::string text(const Endpoint& endpoint);

/// Fills `out` and gives its length.
socklen_t to_sockaddr(const Endpoint& endpoint, sockaddr_storage& out);
std::optional<Endpoint> from_sockaddr(const sockaddr* address, socklen_t length);

/// getsockname, getpeername (or `peer`, for a socket that never connected), SO_BINDTODEVICE, SO_MARK, SO_PROTOCOL.
SocketFacts socket_facts(int fd, const Endpoint& peer);

}  // namespace edge::probes
