#include "probes/reactor/socket_facts.hpp"

#include <net/if.h>
#include <netinet/in.h>

#include <cstring>

namespace edge::probes {

std::string text(const Endpoint& endpoint) {
    const std::string host = endpoint.address.v6 ? "[" + endpoint.address.text() + "]" : endpoint.address.text();
    return host + ":" + std::to_string(endpoint.port);
}

socklen_t to_sockaddr(const Endpoint& endpoint, sockaddr_storage& out) {
    out = {};
    if (endpoint.address.v6) {
        sockaddr_in6 six{};
        six.sin6_family = AF_INET6;
        six.sin6_port = htons(endpoint.port);
        std::memcpy(&six.sin6_addr, endpoint.address.bytes.data(), 16);
        std::memcpy(&out, &six, sizeof six);
        return sizeof six;
    }
    sockaddr_in four{};
    four.sin_family = AF_INET;
    four.sin_port = htons(endpoint.port);
    std::memcpy(&four.sin_addr, endpoint.address.bytes.data(), 4);
    std::memcpy(&out, &four, sizeof four);
    return sizeof four;
}

std::optional<Endpoint> from_sockaddr(const sockaddr* address, socklen_t length) {
    Endpoint endpoint;
    if (address->sa_family == AF_INET && length >= sizeof(sockaddr_in)) {
        sockaddr_in four{};
        std::memcpy(&four, address, sizeof four);
        std::memcpy(endpoint.address.bytes.data(), &four.sin_addr, 4);
        endpoint.port = ntohs(four.sin_port);
        return endpoint;
    }
    if (address->sa_family == AF_INET6 && length >= sizeof(sockaddr_in6)) {
        sockaddr_in6 six{};
        std::memcpy(&six, address, sizeof six);
        endpoint.address.v6 = true;
        std::memcpy(endpoint.address.bytes.data(), &six.sin6_addr, 16);
        endpoint.port = ntohs(six.sin6_port);
        return endpoint;
    }
    return std::nullopt;
}

SocketFacts socket_facts(int fd, const Endpoint& peer) {
    SocketFacts facts;
    sockaddr_storage storage{};
    socklen_t length = sizeof storage;
    if (getsockname(fd, reinterpret_cast<sockaddr*>(&storage), &length) == 0) {
        if (const auto local = from_sockaddr(reinterpret_cast<sockaddr*>(&storage), length)) {
            facts.src_addr = local->address.text();
            facts.src_port = local->port;
        }
    }
    Endpoint remote = peer;
    length = sizeof storage;
    if (getpeername(fd, reinterpret_cast<sockaddr*>(&storage), &length) == 0) {
        remote = from_sockaddr(reinterpret_cast<sockaddr*>(&storage), length).value_or(peer);
    }
    facts.dst_addr = remote.address.text();
    facts.dst_port = remote.port;
    char device[IFNAMSIZ]{};
    length = sizeof device;
    if (getsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, device, &length) == 0)
        facts.ifname.assign(device, strnlen(device, sizeof device));
    length = sizeof facts.fwmark;
    if (getsockopt(fd, SOL_SOCKET, SO_MARK, &facts.fwmark, &length) != 0) facts.fwmark = 0;
    int protocol = 0;
    length = sizeof protocol;
    if (getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &length) == 0)
        facts.protocol = static_cast<std::uint16_t>(protocol);
    return facts;
}

}  // namespace edge::probes
