#include <doctest/doctest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>

#include "agent/launcher/packets.hpp"
#include "protocol/launcher/payloads.hpp"
#include "protocol/launcher/sysctl_name.hpp"

using namespace edge::launcher;

namespace {

template <class Body>
Bytes request(Type type, const Body& body) {
    return packet_of(type, 7, body);
}

}  // namespace

TEST_CASE("a dot of a device is none of its sysctl") {
    CHECK(sysctl_name("eth0") == "eth0");
    CHECK(sysctl_name("pa.5") == "pa/5");
}

TEST_CASE("each request is read as what it is") {
    const auto spawn = parse_request(request(Type::spawn, Spawn{{"telecom"}}));
    REQUIRE(spawn);
    CHECK(spawn->header.serial == 7);
    CHECK(std::string(std::get<Spawn>(spawn->verb).line.text) == "telecom");
    CHECK(std::get<GetLine>(parse_request(request(Type::get_line, GetLine{3}))->verb).index == 3);
    CHECK(std::get<Kill>(parse_request(request(Type::kill, Kill{4}))->verb).worker == 4);
    CHECK(std::get<Stats>(parse_request(request(Type::stats, Stats{5}))->verb).worker == 5);
    const auto attempt = parse_request(request(Type::attempt, Attempt{{"telecom"}, 2, 1}));
    CHECK(std::get<Attempt>(attempt->verb).payload == 2);
    RouteGet route{{"unicom"}, {}};
    route.destination.family = AF_INET6;
    CHECK(std::get<RouteGet>(parse_request(request(Type::route_get, route))->verb).destination.family == AF_INET6);
    CHECK(std::get<GetPolicy>(parse_request(request(Type::get_policy, GetPolicy{6}))->verb).part == 6);
    CHECK(std::get<AskUsage>(parse_request(request(Type::line_usage, AskUsage{2}))->verb).index == 2);
    const OpenUplink uplink{{"mobile"}, AF_INET6, UplinkTransport::udp};
    CHECK(std::get<OpenUplink>(parse_request(request(Type::open_uplink, uplink))->verb).transport ==
          UplinkTransport::udp);
    DenyTargets deny;
    deny.addresses[kMaxDenied - 1].family = AF_INET;
    CHECK(std::get<DenyTargets>(parse_request(request(Type::deny_targets, deny))->verb)
              .addresses[kMaxDenied - 1]
              .family == AF_INET);
    Header header{.type = Type::get_host, .serial = 9};
    Bytes bytes(sizeof header);
    std::memcpy(bytes.data(), &header, sizeof header);
    CHECK(std::holds_alternative<GetHost>(parse_request(bytes)->verb));
}

TEST_CASE("no packet of another size, and no changed header, is a request") {
    const auto good = request(Type::spawn, Spawn{{"telecom"}});
    for (std::size_t size = 0; size < good.size(); ++size) CHECK_FALSE(parse_request({good.data(), size}));
    auto longer = good;
    longer.push_back(std::byte{0});
    CHECK_FALSE(parse_request(longer));
    for (const std::size_t at :
         {offsetof(Header, magic), offsetof(Header, version), offsetof(Header, type), offsetof(Header, status)}) {
        auto changed = good;
        changed[at] ^= std::byte{0x40};
        CHECK_FALSE(parse_request(changed));
    }
    Spawn unterminated;
    for (char& c : unterminated.line.text) c = 'x';
    CHECK_FALSE(parse_request(request(Type::spawn, unterminated)));
    CHECK_FALSE(parse_request(request(Type::worker_exited, WorkerExited{})));
}

TEST_CASE("an uplink is of a family and a transport that there are") {
    const auto asked = [](int family, int transport) {
        const OpenUplink body{{"mobile"}, static_cast<std::uint16_t>(family), static_cast<UplinkTransport>(transport)};
        return parse_request(request(Type::open_uplink, body)).has_value();
    };
    CHECK(asked(AF_INET, 1));
    CHECK(asked(AF_INET6, 2));
    for (const int family : {0, int{AF_UNIX}, int{AF_NETLINK}, 0xFFFF}) CHECK_FALSE(asked(family, 1));
    for (const int transport : {0, 3, 0xFFFF}) CHECK_FALSE(asked(AF_INET, transport));
}

TEST_CASE("an attempt is one of the list") {
    const auto last = static_cast<std::uint32_t>(kPayloads.size() - 1);
    CHECK(parse_request(request(Type::attempt, Attempt{{"telecom"}, last, 0})));
    CHECK_FALSE(parse_request(request(Type::attempt, Attempt{{"telecom"}, last + 1, 0})));
    CHECK_FALSE(parse_request(request(Type::attempt, Attempt{{"telecom"}, last, 2})));
}

TEST_CASE("a route is asked for by a protocol that probes have, or by none") {
    for (const int known : {0, int{IPPROTO_ICMP}, int{IPPROTO_TCP}, int{IPPROTO_UDP}, int{IPPROTO_ICMPV6}}) {
        const RouteGet question{{"unicom"}, {}, static_cast<std::uint16_t>(known), 443};
        const auto parsed = parse_request(request(Type::route_get, question));
        REQUIRE(parsed);
        CHECK(std::get<RouteGet>(parsed->verb).protocol == known);
        CHECK(std::get<RouteGet>(parsed->verb).port == 443);
    }
    for (const int other : {int{IPPROTO_SCTP}, int{IPPROTO_RAW}, int{IPPROTO_MPTCP}, 256 + IPPROTO_TCP, 0xffff})
        CHECK_FALSE(
            parse_request(request(Type::route_get, RouteGet{{"unicom"}, {}, static_cast<std::uint16_t>(other), 443})));
}

TEST_CASE("an answer has the request's serial, an errno its reason, and no stray bytes") {
    const Header asked{.type = Type::stats, .serial = 12};
    const auto failure = failure_of(asked, ENOENT, std::string(500, 'x'));
    Packet<Failure> packet;
    REQUIRE(failure.size() == sizeof packet);
    std::memcpy(&packet, failure.data(), sizeof packet);
    CHECK(packet.header.serial == 12);
    CHECK(packet.header.status == ENOENT);
    CHECK(std::string(packet.body.text) == std::string(199, 'x'));
    Packet<Failure> unknown;
    std::memcpy(&unknown, failure_of(asked, 0, "").data(), sizeof unknown);
    CHECK(unknown.header.status == EIO);
    CHECK(packet_of(Type::stats, 1, WorkerStats{}).size() == sizeof(Packet<WorkerStats>));
}

TEST_CASE("an address is one of the two families") {
    Address address;
    CHECK_FALSE(address_in(address));
    address.family = AF_INET;
    address.bytes[0] = 192;
    address.bytes[15] = 9;  // beyond the four that count
    CHECK(address_in(address)->text() == "192.0.0.0");
    CHECK(address_in(address)->bytes[15] == 0);
}
