// To reach what policy forbids by way of the right line, or to be reached.
#include <array>

#include "probes/payload/endpoint.hpp"

namespace edge::probes {
namespace {

constexpr const char* kMetadata4 = "169.254.169.254";

AttemptOutcome reach(const std::string& address, int port = 80) {
    return send_all_ways(endpoint(address, port));
}

/// The data goes with the SYN, and connect(2) is never called.
AttemptOutcome fast_open(const Facts&) {
    const AttemptSocket tcp(AF_INET, SOCK_STREAM | SOCK_NONBLOCK);
    const FarEnd to = endpoint(kMetadata4, 80);
    const std::string what = "a SYN to " + text_of(to);
    const long sent = sendto(tcp.get(), "edge", 4, MSG_FASTOPEN | MSG_NOSIGNAL, to.get(), to.size);
    return sent < 0 && errno == EINPROGRESS ? got(what) : tried(sent, what);
}

AttemptOutcome many_at_once(const Facts& facts) {
    const AttemptSocket udp(AF_INET, SOCK_DGRAM);
    const FarEnd to = endpoint(kMetadata4, facts.number("port"));
    const std::string what = "sendmmsg to " + text_of(to);
    char text[] = "edge";
    iovec part{text, 4};
    mmsghdr messages[4]{};
    for (auto& message : messages) {
        message.msg_hdr.msg_name = const_cast<sockaddr*>(to.get());
        message.msg_hdr.msg_namelen = to.size;
        message.msg_hdr.msg_iov = &part;
        message.msg_hdr.msg_iovlen = 1;
    }
    return tried(sendmmsg(udp.get(), messages, 4, MSG_NOSIGNAL), what);
}

/// Connected to what is allowed first, then taken apart and connected again.
AttemptOutcome reconnect(const Facts& facts) {
    const AttemptSocket udp(AF_INET, SOCK_DGRAM);
    const FarEnd good = endpoint(facts.text("target4"), facts.number("port"));
    const FarEnd bad = endpoint(kMetadata4, facts.number("port"));
    const std::string what = "send to " + text_of(bad);
    FarEnd none;
    none.size = sizeof(sockaddr_in);  // AF_UNSPEC
    (void)connect(udp.get(), good.get(), good.size);
    (void)connect(udp.get(), none.get(), none.size);
    if (connect(udp.get(), bad.get(), bad.size) != 0) return stopped(errno);
    return tried(send(udp.get(), "edge", 4, MSG_NOSIGNAL), what);
}

AttemptOutcome broadcast(const Facts& facts) {
    const AttemptSocket udp(AF_INET, SOCK_DGRAM);
    (void)udp.set(SOL_SOCKET, SO_BROADCAST, 1);
    return tried(udp.send_to(endpoint("255.255.255.255", facts.number("port"))), "sent to all");
}

AttemptOutcome forbidden_port(const Facts& facts) {
    if (facts.text("closed_port").empty()) return not_tried("any port is allowed");
    const AttemptSocket udp(AF_INET, SOCK_DGRAM);
    return tried(udp.send_to(endpoint(facts.text("target4"), facts.number("closed_port"))), "sendto");
}

AttemptOutcome listen_for_all(const Facts&) {
    const AttemptSocket tcp(AF_INET, SOCK_STREAM);
    return tried(listen(tcp.get(), 1), "listens");
}

AttemptOutcome bind_any(const Facts&) {
    const AttemptSocket four(AF_INET, SOCK_DGRAM), six(AF_INET6, SOCK_DGRAM);
    const FarEnd any4 = endpoint("0.0.0.0", 5301), any6 = endpoint("::", 5302);
    return any_of({tried(bind(four.get(), any4.get(), any4.size), "bound"),
                   tried(bind(six.get(), any6.get(), any6.size), "bound")});
}

AttemptOutcome reach_told(const Facts& facts, const char* four, const char* six) {
    if (facts.text(four).empty() && facts.text(six).empty()) return not_tried("there is none");
    if (facts.text(four).empty()) return reach(facts.text(six));
    if (facts.text(six).empty()) return reach(facts.text(four));
    return any_of({reach(facts.text(four)), reach(facts.text(six))});
}

const auto kTargetAttempts = std::to_array<Attempt>({
    {"metadata4",
     [](const Facts&) {
         return any_of({reach(kMetadata4), reach("100.100.100.200")});
     }},
    {"metadata6", [](const Facts&) { return reach("fd00:ec2::254"); }},
    {"metadata-mapped", [](const Facts&) { return reach("::ffff:169.254.169.254"); }},
    {"metadata-nat64", [](const Facts&) { return reach("64:ff9b::a9fe:a9fe"); }},
    {"metadata-fastopen", fast_open},
    {"metadata-sendmmsg", many_at_once},
    {"metadata-reconnect", reconnect},
    {"private4",
     [](const Facts&) {
         return any_of({reach("10.0.0.1"), reach("172.16.0.1"), reach("192.168.0.1")});
     }},
    {"private6",
     [](const Facts&) {
         return any_of({reach("fd00::1"), reach("fec0::1"), reach("::10.0.0.1")});
     }},
    {"private-6to4",
     [](const Facts&) {
         return any_of({reach("2002:a00:1::1"), reach("2002:7f00:1::1")});
     }},
    {"loopback4",
     [](const Facts&) {
         return any_of({reach("127.0.0.1"), reach("127.8.9.10"), reach("0.0.0.0")});
     }},
    {"loopback6",
     [](const Facts&) {
         return any_of({reach("::1"), reach("::"), reach("::ffff:127.0.0.1")});
     }},
    {"own-address", [](const Facts& f) { return reach_told(f, "own_address4", "own_address6"); }},
    {"own-gateway", [](const Facts& f) { return reach_told(f, "own_gateway4", "own_gateway6"); }},
    {"other-gateway", [](const Facts& f) { return reach_told(f, "other_gateway4", "other_gateway6"); }},
    {"other-address", [](const Facts& f) { return reach_told(f, "other_address4", "other_address6"); }},
    {"broadcast", broadcast},
    {"multicast4",
     [](const Facts&) {
         return any_of({reach("224.0.0.1"), reach("239.255.255.250")});
     }},
    {"multicast6",
     [](const Facts& f) {
         return any_of({send_all_ways(endpoint("ff02::1", 5353, f.number("own_index"))), reach("ff0e::1")});
     }},
    {"forbidden-port", forbidden_port},
    {"listen", listen_for_all},
    {"bind-any", bind_any},
});

}  // namespace

std::span<const Attempt> target_attempts() {
    return kTargetAttempts;
}

}  // namespace edge::probes
