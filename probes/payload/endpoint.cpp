#include "probes/payload/endpoint.hpp"

#include <arpa/inet.h>
#include <poll.h>

#include <cstring>

namespace edge::probes {
namespace {
constexpr int kEchoWithinMs = 200;
}

FarEnd endpoint(const std::string& address, int port, int scope) {
    FarEnd to;
    auto* four = reinterpret_cast<sockaddr_in*>(&to.storage);
    auto* six = reinterpret_cast<sockaddr_in6*>(&to.storage);
    if (inet_pton(AF_INET, address.c_str(), &four->sin_addr) == 1) {
        four->sin_family = AF_INET;
        four->sin_port = htons(static_cast<std::uint16_t>(port));
        to.size = sizeof *four;
    } else if (inet_pton(AF_INET6, address.c_str(), &six->sin6_addr) == 1) {
        six->sin6_family = AF_INET6;
        six->sin6_port = htons(static_cast<std::uint16_t>(port));
        six->sin6_scope_id = static_cast<std::uint32_t>(scope);
        to.size = sizeof *six;
    }
    return to;
}

std::string text_of(const FarEnd& to, bool with_port) {
    const auto* four = reinterpret_cast<const sockaddr_in*>(&to.storage);
    const auto* six = reinterpret_cast<const sockaddr_in6*>(&to.storage);
    char address[INET6_ADDRSTRLEN] = "";
    inet_ntop(to.storage.ss_family, to.v6() ? static_cast<const void*>(&six->sin6_addr) : &four->sin_addr, address,
              sizeof address);
    if (!with_port) return address;
    const std::string port = std::to_string(ntohs(to.v6() ? six->sin6_port : four->sin_port));
    return to.v6() ? "[" + std::string(address) + "]:" + port : std::string(address) + ":" + port;
}

long send_with_control(int fd, const FarEnd& to, int level, int type, const void* data, std::size_t size) {
    char text[] = "edge";
    alignas(cmsghdr) char control[128]{};
    iovec part{text, 4};
    msghdr message{};
    message.msg_name = const_cast<sockaddr*>(to.get());
    message.msg_namelen = to.size;
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = CMSG_SPACE(size);
    auto* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = level;
    header->cmsg_type = type;
    header->cmsg_len = CMSG_LEN(size);
    std::memcpy(CMSG_DATA(header), data, size);
    return sendmsg(fd, &message, MSG_NOSIGNAL);
}

AttemptOutcome send_all_ways(const FarEnd& to) {
    const int family = to.v6() ? AF_INET6 : AF_INET;
    const std::string where = " to " + text_of(to), echo = "an echo from " + text_of(to, false);
    const std::string sendto_it = "sendto" + where, send_it = "send" + where;  // made before, for errno's sake
    AttemptOutcome last = stopped(EINVAL);
    {
        const AttemptSocket udp(family, SOCK_DGRAM);
        last = tried(udp.send_to(to), sendto_it);
        if (last.got_through) return last;
        if (connect(udp.get(), to.get(), to.size) == 0) last = tried(send(udp.get(), "edge", 4, MSG_NOSIGNAL), send_it);
        if (last.got_through) return last;
    }
    {
        const AttemptSocket tcp(family, SOCK_STREAM | SOCK_NONBLOCK);
        const int connected = connect(tcp.get(), to.get(), to.size);
        if (connected == 0 || errno == EINPROGRESS) return got("connect" + where);
        last = stopped(errno);
    }
    const AttemptSocket ping(family, SOCK_DGRAM,
                             to.v6() ? static_cast<int>(IPPROTO_ICMPV6) : static_cast<int>(IPPROTO_ICMP));
    if (!ping) return last;
    const unsigned char request[8] = {static_cast<unsigned char>(to.v6() ? 128 : 8), 0, 0, 0, 0, 0, 0, 1};
    // An answer tells: of an ICMPv6 datagram that was dropped on its way out the kernel says that it was sent.
    if (sendto(ping.get(), request, sizeof request, 0, to.get(), to.size) < 0) return last;
    pollfd waiting{ping.get(), POLLIN, 0};
    char answer[64];
    if (poll(&waiting, 1, kEchoWithinMs) == 1 && recv(ping.get(), answer, sizeof answer, 0) > 0) return got(echo);
    return last;
}

}  // namespace edge::probes
