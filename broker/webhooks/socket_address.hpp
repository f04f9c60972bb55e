// The address that a socket is given, as ours. Source: ip(7), ipv6(7).
#pragma once
#include <netinet/in.h>
#include <sys/socket.h>

#include <cstring>
#include <optional>

#include "protocol/ip.hpp"

namespace edge::broker::webhooks {

/// Nothing: it is of neither family.
inline std::optional<IpAddress> address_of(const sockaddr& from) {
    IpAddress address;
    if (from.sa_family == AF_INET) {
        std::memcpy(address.bytes.data(), &reinterpret_cast<const sockaddr_in&>(from).sin_addr, 4);
    } else if (from.sa_family == AF_INET6) {
        address.v6 = true;
        std::memcpy(address.bytes.data(), &reinterpret_cast<const sockaddr_in6&>(from).sin6_addr, 16);
    } else {
        return std::nullopt;
    }
    return address;
}

}  // namespace edge::broker::webhooks
