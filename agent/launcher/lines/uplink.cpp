#include "agent/launcher/lines/uplink.hpp"

#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace edge::launcher {
namespace {

/// The first of the family that is on the device; of no family: none.
Address source_of(const LineInfo& line, std::uint16_t family) {
    for (unsigned i = 0; i < kMaxAddresses; ++i)
        if (line.addresses[i].family == family && (line.absent >> i & 1) == 0) return line.addresses[i];
    return {};
}

int bind_to(int fd, const Address& source) {
    sockaddr_storage storage{};
    storage.ss_family = source.family;
    const bool v6 = source.family == AF_INET6;
    if (v6)
        std::memcpy(&reinterpret_cast<sockaddr_in6&>(storage).sin6_addr, source.bytes, sizeof(in6_addr));
    else
        std::memcpy(&reinterpret_cast<sockaddr_in&>(storage).sin_addr, source.bytes, sizeof(in_addr));
    const socklen_t size = v6 ? sizeof(sockaddr_in6) : sizeof(sockaddr_in);
    return ::bind(fd, reinterpret_cast<const sockaddr*>(&storage), size);
}

}  // namespace

Result<Uplink> open_uplink(const LineInfo& line, const OpenUplink& asked) {
    const std::string where = std::string("line ") + line.name.text;
    if (line.ifindex == 0) return Error{Errc::unavailable, where, "its device is not there", ENODEV};
    const Address source = source_of(line, asked.family);
    if (source.family == 0)
        return Error{Errc::unavailable, where,
                     asked.family == AF_INET6 ? "it has no IPv6 address" : "it has no IPv4 address", EADDRNOTAVAIL};
    const int type = asked.transport == UplinkTransport::tcp ? SOCK_STREAM : SOCK_DGRAM;
    Fd fd(::socket(asked.family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!fd) return os_error(errno, where, "socket");
    // Neither is a word of the agent's: a connection is made by who holds the socket, and cannot be led elsewhere,
    // since to bind it again to another device takes CAP_NET_RAW (socket(7)).
    const int index = static_cast<int>(line.ifindex);
    if (::setsockopt(fd.get(), SOL_SOCKET, SO_BINDTOIFINDEX, &index, sizeof index) != 0)
        return os_error(errno, where, "its device cannot be bound to");
    if (line.mark != 0 && ::setsockopt(fd.get(), SOL_SOCKET, SO_MARK, &line.mark, sizeof line.mark) != 0)
        return os_error(errno, where, "its mark cannot be set");
    // The port is chosen when it connects: one for each peer, not one of the host's for ever.
    const int on = 1;
    if (type == SOCK_STREAM) (void)::setsockopt(fd.get(), IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    if (bind_to(fd.get(), source) != 0) return os_error(errno, where, "its address cannot be bound to");
    return Uplink{{.source = source, .marked = line.mark != 0 ? 1U : 0U}, std::move(fd)};
}

}  // namespace edge::launcher
