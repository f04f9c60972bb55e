// To leave by another line, or under another address. What arrived there tells, not what the kernel answered.
#include <linux/if_packet.h>
#include <linux/rtnetlink.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <net/route.h>
#include <sys/ioctl.h>

#include <array>
#include <cstring>

#include "probes/payload/endpoint.hpp"

namespace edge::probes {
namespace {

// <linux/in.h> and <netinet/in.h> cannot be included together.
constexpr int kUnicastIf = 50;      // IP_UNICAST_IF
constexpr int kUnicastIf6 = 76;     // IPV6_UNICAST_IF
constexpr int kBindToIfindex = 62;  // SO_BINDTOIFINDEX
constexpr int kMultipathTcp = 262;  // IPPROTO_MPTCP
constexpr const char* kGroup4 = "224.0.0.251";
constexpr const char* kGroup6 = "ff02::fb";

FarEnd target4(const Facts& facts) {
    return endpoint(facts.text("target4"), facts.number("port"));
}

FarEnd target6(const Facts& facts) {
    return endpoint(facts.text("target6"), facts.number("port"));
}

/// Sets the option, and whether or not it could, sends: some options only matter then.
AttemptOutcome send_after(const FarEnd& to, int level, int option, const void* value, std::size_t size) {
    const AttemptSocket udp(to.v6() ? AF_INET6 : AF_INET, SOCK_DGRAM);
    const auto set = tried(udp.set(level, option, value, size), "setsockopt");
    (void)udp.send_to(to);
    return set;
}

AttemptOutcome send_after(const FarEnd& to, int level, int option, int value) {
    return send_after(to, level, option, &value, sizeof value);
}

AttemptOutcome bind_to_device(const Facts& facts, const std::string& device) {
    return send_after(target4(facts), SOL_SOCKET, SO_BINDTODEVICE, device.data(), device.size());
}

AttemptOutcome pktinfo4(const Facts& facts, int device, const std::string& source) {
    const AttemptSocket udp(AF_INET, SOCK_DGRAM);
    in_pktinfo info{};
    info.ipi_ifindex = device;
    const FarEnd from = endpoint(source, 0);
    if (from.size != 0) info.ipi_spec_dst = reinterpret_cast<const sockaddr_in*>(&from.storage)->sin_addr;
    return tried(send_with_control(udp.get(), target4(facts), IPPROTO_IP, IP_PKTINFO, &info, sizeof info), "sendmsg");
}

in6_pktinfo info6(int device, const std::string& source) {
    in6_pktinfo info{};
    info.ipi6_ifindex = static_cast<unsigned>(device);
    const FarEnd from = endpoint(source, 0);
    if (from.size != 0) info.ipi6_addr = reinterpret_cast<const sockaddr_in6*>(&from.storage)->sin6_addr;
    return info;
}

AttemptOutcome pktinfo6(const Facts& facts, int device, const std::string& source) {
    const AttemptSocket udp(AF_INET6, SOCK_DGRAM);
    const auto info = info6(device, source);
    return tried(send_with_control(udp.get(), target6(facts), IPPROTO_IPV6, IPV6_PKTINFO, &info, sizeof info),
                 "sendmsg");
}

/// With IP_FREEBIND or IP_TRANSPARENT any address could be bound to.
AttemptOutcome send_from(const FarEnd& to, const std::string& source, int option) {
    const AttemptSocket udp(to.v6() ? AF_INET6 : AF_INET, SOCK_DGRAM);
    if (option != 0) (void)udp.set(IPPROTO_IP, option, 1);
    const FarEnd from = endpoint(source, 0);
    const auto bound = tried(bind(udp.get(), from.get(), from.size), "bind");
    (void)udp.send_to(to);
    return bound;
}

/// Loose source routing (RFC 791) by the other line's gateway.
AttemptOutcome source_route(const Facts& facts) {
    const FarEnd by = endpoint(facts.text("other_gateway4"), 0);
    unsigned char options[8] = {131, 7, 4};
    std::memcpy(options + 3, &reinterpret_cast<const sockaddr_in*>(&by.storage)->sin_addr, 4);
    const AttemptSocket udp(AF_INET, SOCK_DGRAM);
    if (udp.set(IPPROTO_IP, IP_OPTIONS, options, sizeof options) != 0) return stopped(errno);
    return tried(udp.send_to(target4(facts)), "sent with a source route");
}

/// A routing header of type 2 (RFC 6275), which needs no privilege.
AttemptOutcome routing_header(const Facts& facts) {
    const FarEnd by = endpoint(facts.text("other_gateway6"), 0);
    unsigned char header[24] = {0, 2, 2, 1};
    std::memcpy(header + 8, &reinterpret_cast<const sockaddr_in6*>(&by.storage)->sin6_addr, 16);
    const AttemptSocket udp(AF_INET6, SOCK_DGRAM);
    if (udp.set(IPPROTO_IPV6, IPV6_RTHDR, header, sizeof header) != 0) return stopped(errno);
    return tried(udp.send_to(target6(facts)), "sent with a routing header");
}

AttemptOutcome hop_options(const Facts& facts) {
    const unsigned char padding[8] = {0, 0, 1, 4};
    return send_after(target6(facts), IPPROTO_IPV6, IPV6_HOPOPTS, padding, sizeof padding);
}

AttemptOutcome multicast_by(const Facts& facts) {
    ip_mreqn by{};
    by.imr_ifindex = facts.number("other_index");
    return send_after(endpoint(kGroup4, 5353), IPPROTO_IP, IP_MULTICAST_IF, &by, sizeof by);
}

/// The kernel then reports the group by that device, with packets that belong to no socket.
AttemptOutcome join4(const Facts& facts, bool wide) {
    ip_mreqn group{};
    group.imr_multiaddr = reinterpret_cast<const sockaddr_in*>(endpoint("239.1.2.3", 0).get())->sin_addr;
    group.imr_ifindex = facts.number("other_index");
    const AttemptSocket udp(AF_INET, SOCK_DGRAM);
    return tried(wide ? udp.set_wide(IPPROTO_IP, IP_ADD_MEMBERSHIP, &group, sizeof group)
                      : udp.set(IPPROTO_IP, IP_ADD_MEMBERSHIP, &group, sizeof group),
                 "joined");
}

AttemptOutcome join6(const Facts& facts, bool wide) {
    ipv6_mreq group{};
    group.ipv6mr_multiaddr = reinterpret_cast<const sockaddr_in6*>(endpoint("ff05::1:3", 0).get())->sin6_addr;
    group.ipv6mr_interface = static_cast<unsigned>(facts.number("other_index"));
    const AttemptSocket udp(AF_INET6, SOCK_DGRAM);
    return tried(wide ? udp.set_wide(IPPROTO_IPV6, IPV6_JOIN_GROUP, &group, sizeof group)
                      : udp.set(IPPROTO_IPV6, IPV6_JOIN_GROUP, &group, sizeof group),
                 "joined");
}

AttemptOutcome open_socket(int family, int type, int protocol) {
    const AttemptSocket made(family, type, protocol);
    return tried(made.get(), "a socket");
}

/// What a socket of another protocol sends: a guard may look at packets alone.
AttemptOutcome send_by(const FarEnd& to, int type, int protocol) {
    const AttemptSocket made(to.v6() ? AF_INET6 : AF_INET, type | SOCK_NONBLOCK, protocol);
    if (type == SOCK_STREAM)
        (void)connect(made.get(), to.get(), to.size);
    else
        (void)made.send_to(to);
    return tried(made.get(), "a socket");
}

AttemptOutcome control_device(unsigned long request, void* argument) {
    const AttemptSocket udp(AF_INET, SOCK_DGRAM);
    return tried(ioctl(udp.get(), request, argument), "ioctl");
}

AttemptOutcome set_route(const Facts& facts) {
    rtentry route{};
    std::string device = facts.text("other_device");
    const auto any = endpoint("0.0.0.0", 0);
    std::memcpy(&route.rt_dst, &any.storage, sizeof route.rt_dst);
    std::memcpy(&route.rt_genmask, &any.storage, sizeof route.rt_genmask);
    route.rt_flags = RTF_UP;
    route.rt_dev = device.data();
    return control_device(SIOCADDRT, &route);
}

AttemptOutcome set_link_down(const Facts& facts) {
    ifreq request{};
    facts.text("other_device").copy(request.ifr_name, sizeof request.ifr_name - 1);
    return control_device(SIOCSIFFLAGS, &request);
}

const auto kLineAttempts = std::to_array<Attempt>({
    {"send",
     [](const Facts& f) {
         const auto four = send_all_ways(target4(f)), six = send_all_ways(target6(f));
         return four.got_through ? six : four;
     }},
    {"so-mark", [](const Facts& f) { return send_after(target4(f), SOL_SOCKET, SO_MARK, f.number("other_mark")); }},
    {"so-bindtodevice", [](const Facts& f) { return bind_to_device(f, f.text("other_device")); }},
    {"so-bindtodevice-lo", [](const Facts& f) { return bind_to_device(f, "lo"); }},
    {"so-bindtoifindex",
     [](const Facts& f) { return send_after(target4(f), SOL_SOCKET, kBindToIfindex, f.number("other_index")); }},
    {"ip-unicast-if",
     [](const Facts& f) {
         const auto index = static_cast<std::uint32_t>(f.number("other_index"));
         return send_after(target4(f), IPPROTO_IP, kUnicastIf, static_cast<int>(htonl(index)));
     }},
    {"ipv6-unicast-if",
     [](const Facts& f) {
         const auto index = static_cast<std::uint32_t>(f.number("other_index"));
         return send_after(target6(f), IPPROTO_IPV6, kUnicastIf6, static_cast<int>(htonl(index)));
     }},
    {"ip-pktinfo-device", [](const Facts& f) { return pktinfo4(f, f.number("other_index"), ""); }},
    {"ipv6-pktinfo-device", [](const Facts& f) { return pktinfo6(f, f.number("other_index"), ""); }},
    {"ip-pktinfo-source", [](const Facts& f) { return pktinfo4(f, 0, f.text("other_address4")); }},
    {"ipv6-pktinfo-source", [](const Facts& f) { return pktinfo6(f, 0, f.text("other_address6")); }},
    {"ipv6-sticky-pktinfo",
     [](const Facts& f) {
         const auto info = info6(f.number("other_index"), f.text("other_address6"));
         return send_after(target6(f), IPPROTO_IPV6, IPV6_PKTINFO, &info, sizeof info);
     }},
    {"bind-other-source4", [](const Facts& f) { return send_from(target4(f), f.text("other_address4"), 0); }},
    {"bind-other-source6", [](const Facts& f) { return send_from(target6(f), f.text("other_address6"), 0); }},
    {"ip-freebind", [](const Facts& f) { return send_from(target4(f), "198.51.100.77", IP_FREEBIND); }},
    {"ip-transparent", [](const Facts& f) { return send_from(target4(f), "198.51.100.77", IP_TRANSPARENT); }},
    {"ip-source-route", source_route},
    {"ipv6-routing-header", routing_header},
    {"ipv6-hop-options", hop_options},
    {"ip-multicast-if", multicast_by},
    {"igmp-join", [](const Facts& facts) { return join4(facts, false); }},
    {"mld-join", [](const Facts& facts) { return join6(facts, false); }},
    {"igmp-join-high-bits", [](const Facts& facts) { return join4(facts, true); }},
    {"mld-join-high-bits", [](const Facts& facts) { return join6(facts, true); }},
    {"link-local-scope",
     [](const Facts& f) { return send_all_ways(endpoint("fe80::1", f.number("port"), f.number("other_index"))); }},
    {"raw-socket4", [](const Facts&) { return open_socket(AF_INET, SOCK_RAW, IPPROTO_RAW); }},
    {"raw-socket6", [](const Facts&) { return open_socket(AF_INET6, SOCK_RAW, IPPROTO_RAW); }},
    {"packet-socket", [](const Facts&) { return open_socket(AF_PACKET, SOCK_DGRAM, htons(ETHERTYPE_IP)); }},
    {"mptcp", [](const Facts& facts) { return send_by(target4(facts), SOCK_STREAM, kMultipathTcp); }},
    {"sctp", [](const Facts& facts) { return send_by(target4(facts), SOCK_STREAM, IPPROTO_SCTP); }},
    {"udp-lite", [](const Facts& facts) { return send_by(target6(facts), SOCK_DGRAM, IPPROTO_UDPLITE); }},
    {"set-route", set_route},
    {"set-link-down", set_link_down},
});

}  // namespace

std::span<const Attempt> line_attempts() {
    return kLineAttempts;
}

}  // namespace edge::probes
