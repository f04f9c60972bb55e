#include "sentinels.hpp"

#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>
#include <stdexcept>

namespace edge::escape {
namespace {

constexpr int kLoopback = 2;  // the place; its device has index 1

struct Packet {
    std::string kind, source, target;
    int port = 0;
    bool of_the_kernel = false;
    bool is_refusal = false;  // the answer to a packet, which would have been seen before it
    bool is_known = true;     // of a protocol that a worker may speak
};

std::string address_text(int family, const unsigned char* bytes) {
    char text[INET6_ADDRSTRLEN]{};
    inet_ntop(family, bytes, text, sizeof text);
    return text;
}

bool holds(const unsigned char* bytes, std::size_t size, int family, const char* address) {
    unsigned char wanted[16];
    const std::size_t length = inet_pton(family, address, wanted) == 1 && family == AF_INET6 ? 16 : 4;
    return memmem(bytes, size, wanted, length) != nullptr;
}

/// Discovery of neighbours and routers, and reports of groups that nobody here asked for.
bool is_discovery(const unsigned char* bytes, std::size_t size, unsigned protocol, std::size_t header) {
    if (protocol == IPPROTO_HOPOPTS && size > header + 8) return !holds(bytes, size, AF_INET6, "ff05::1:3");
    return protocol == IPPROTO_ICMPV6 && size > header && bytes[header] >= 133 && bytes[header] <= 137;
}

/// ICMP's "unreachable" and TCP's reset.
bool refuses(const unsigned char* bytes, std::size_t size, unsigned protocol, std::size_t header) {
    if (protocol == IPPROTO_ICMP) return size > header && bytes[header] == 3;
    if (protocol == IPPROTO_ICMPV6) return size > header && bytes[header] == 1;
    return protocol == IPPROTO_TCP && size > header + 13 && (bytes[header + 13] & 4) != 0;
}

Packet packet_in(const unsigned char* bytes, std::size_t size) {
    Packet packet;
    const bool v6 = size > 0 && bytes[0] >> 4 == 6;
    const std::size_t header = v6 ? 40 : static_cast<std::size_t>(size > 0 ? (bytes[0] & 0xf) * 4 : 0);
    if (size < (v6 ? 40U : 20U)) {
        packet.kind = "short";
        return packet;
    }
    packet.source = address_text(v6 ? AF_INET6 : AF_INET, bytes + (v6 ? 8 : 12));
    packet.target = address_text(v6 ? AF_INET6 : AF_INET, bytes + (v6 ? 24 : 16));
    const unsigned protocol = bytes[v6 ? 6 : 9];
    packet.kind = protocol == IPPROTO_TCP   ? "TCP"
                  : protocol == IPPROTO_UDP ? "UDP"
                                            : "protocol " + std::to_string(protocol);
    if ((protocol == IPPROTO_TCP || protocol == IPPROTO_UDP) && size >= header + 4)
        packet.port = bytes[header + 2] << 8 | bytes[header + 3];
    packet.is_refusal = refuses(bytes, size, protocol, header);
    packet.is_known = protocol == IPPROTO_TCP || protocol == IPPROTO_UDP ||
                      protocol == (v6 ? unsigned{IPPROTO_ICMPV6} : unsigned{IPPROTO_ICMP});
    packet.of_the_kernel = v6 && is_discovery(bytes, size, protocol, header);
    return packet;
}

bool is_honest(const Packet& packet, int line, const std::vector<int>& ports) {
    const std::string n = std::to_string(line + 1);
    const bool ours = packet.source == "100.64." + n + ".2" || packet.source == "fd64:" + n + "::2";
    const bool theirs = packet.target.starts_with("198.51.100.") || packet.target.starts_with("2001:db8:");
    const bool listed = std::find(ports.begin(), ports.end(), packet.port) != ports.end();
    return ours && theirs && packet.is_known && (packet.port == 0 || listed);
}

}  // namespace

Sentinels::Sentinels(const launcher::test::Carriers& carriers, std::vector<int> ports) : ports_(std::move(ports)) {
    for (int n = 0; n < 2; ++n)
        fds_[static_cast<std::size_t>(n)] = carriers.socket_in_carrier(n, AF_PACKET, SOCK_DGRAM, htons(ETH_P_ALL));
    fds_[kLoopback] = launcher::Fd(::socket(AF_PACKET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, htons(ETH_P_ALL)));
    for (const auto& fd : fds_) {
        const int room = 8 << 20;
        if (!fd || ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room) != 0)
            throw std::runtime_error("no packet socket: root is needed");
    }
}

Sentinels::Seen Sentinels::read(int place, int line) {
    Seen seen;
    for (;;) {
        unsigned char bytes[2048];
        sockaddr_ll from{};
        socklen_t size = sizeof from;
        const ssize_t n = ::recvfrom(fds_[static_cast<std::size_t>(place)].get(), bytes, sizeof bytes, 0,
                                     reinterpret_cast<sockaddr*>(&from), &size);
        if (n < 0) return seen;
        const bool ip = from.sll_protocol == htons(ETH_P_IP) || from.sll_protocol == htons(ETH_P_IPV6);
        if (!ip || from.sll_pkttype == PACKET_OUTGOING) continue;
        if ((place == kLoopback) != (from.sll_ifindex == 1)) continue;
        const Packet packet = packet_in(bytes, static_cast<std::size_t>(n));
        if (packet.of_the_kernel || (place == kLoopback && packet.is_refusal)) continue;
        const std::string text = packet.kind + " " + packet.source + " > " + packet.target + ":" +
                                 std::to_string(packet.port) + (place == kLoopback ? " on loopback" : "");
        (place == line && is_honest(packet, line, ports_) ? seen.honest : seen.strays).push_back(text);
    }
}

void Sentinels::begin() {
    for (int place = 0; place < 3; ++place) (void)read(place, 0);
    seen_ = {};
}

Packets Sentinels::strays(int line) {
    Packets all;
    for (int place = 0; place < 3; ++place) {
        auto& seen = seen_[static_cast<std::size_t>(place)];
        const Seen more = read(place, line);
        seen.honest.insert(seen.honest.end(), more.honest.begin(), more.honest.end());
        seen.strays.insert(seen.strays.end(), more.strays.begin(), more.strays.end());
        all.insert(all.end(), seen.strays.begin(), seen.strays.end());
    }
    return all;
}

Packets Sentinels::honest(int line) {
    (void)strays(line);
    return seen_[static_cast<std::size_t>(line)].honest;
}

}  // namespace edge::escape
