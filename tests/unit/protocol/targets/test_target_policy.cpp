#include <doctest/doctest.h>

#include "protocol/targets/target_policy.hpp"
#include "tests/unit/protocol/targets/addresses.hpp"

using namespace edge;

namespace {

TargetPolicy lab() {
    TargetPolicy policy;
    policy.services = {Service::dns, Service::ping};
    policy.ports = {53, 80, 443};
    policy.allow = {net("198.18.0.0/15"), net("2001:db8::/32")};
    policy.deny = {net("198.18.66.0/24"), net("8.8.8.8/32")};
    policy.resolvers = {ip("100.64.1.53")};
    policy.own_addresses = {ip("100.64.1.2"), ip("198.18.0.2")};
    return policy;
}

}  // namespace

TEST_CASE("allow lifts a built-in range, deny wins, ports are a list") {
    const TargetPolicy policy = lab();
    struct Row {
        const char* address;
        int port;  // 0: ICMP
        bool is_refused;
    };
    const Row rows[] = {
        {"1.1.1.1", 443, false},
        {"1.1.1.1", 0, false},
        {"1.1.1.1", 22, true},
        {"198.18.0.10", 80, false},
        {"198.18.0.10", 0, false},
        {"198.18.66.1", 80, true},
        {"8.8.8.8", 53, true},
        {"10.0.0.1", 80, true},
        {"127.0.0.1", 0, true},
        {"169.254.169.254", 80, true},
        {"2001:db8::80", 443, false},
        {"2001:4860::1", 80, false},
        {"fe80::1", 0, true},
        {"::1", 80, true},
        {"100.64.1.53", 53, false},
        {"100.64.1.53", 80, true},
        {"100.64.1.53", 0, true},
        {"100.64.1.2", 0, true},
        {"198.18.0.2", 80, true},
        // A denied or private IPv4 inside an IPv6 address
        {"::ffff:8.8.8.8", 53, true},
        {"2400:1::5efe:10.0.0.1", 80, true},
        {"2400:1::5efe:8.8.8.8", 80, true},
        {"2400:1::5efe:1.1.1.1", 80, false},
        {"2001:db8::5efe:10.0.0.1", 80, true},
        {"2001:db8::5efe:198.18.0.10", 80, false},
    };
    for (const Row& row : rows) {
        CAPTURE(std::string(row.address));
        CAPTURE(row.port);
        const auto port = row.port ? std::optional<std::uint16_t>(row.port) : std::nullopt;
        CHECK(policy.refusal(ip(row.address), port).has_value() == row.is_refused);
    }
}

TEST_CASE("a policy that allows everything still keeps denied and own addresses") {
    TargetPolicy policy = TargetPolicy::unrestricted();
    CHECK_FALSE(policy.refusal(ip("127.0.0.1"), 80));
    CHECK_FALSE(policy.refusal(ip("::ffff:10.0.0.1"), 80));
    policy.deny = {net("10.0.0.0/8")};
    policy.own_addresses = {ip("192.0.2.7")};
    CHECK(policy.refusal(ip("10.1.1.1"), 80));
    CHECK(policy.refusal(ip("64:ff9b::10.1.1.1"), 80));
    CHECK(policy.refusal(ip("192.0.2.7"), std::nullopt));
}

TEST_CASE("what `only` lists is open over TCP on its port, whatever else is denied") {
    TargetPolicy policy = lab();
    policy.only = {{ip("10.0.0.5"), 7480}, {ip("1.1.1.1"), 7480}, {ip("8.8.8.8"), 7480}, {ip("198.18.0.2"), 7480}};
    CHECK_FALSE(policy.refusal(ip("10.0.0.5"), 7480));
    CHECK(policy.refusal(ip("10.0.0.5"), 7480, Transport::udp));
    CHECK(policy.refusal(ip("10.0.0.5"), 80));
    CHECK(policy.refusal(ip("10.0.0.5"), std::nullopt));
    CHECK_FALSE(policy.refusal(ip("1.1.1.1"), 7480));
    CHECK_FALSE(policy.refusal(ip("8.8.8.8"), 7480));
    CHECK(policy.refusal(ip("8.8.8.8"), 443));
    CHECK(policy.refusal(ip("198.18.0.2"), 7480));
    CHECK_FALSE(policy.port_refusal(7480));  // of a name: its address is not known yet
    CHECK(policy.port_refusal(7481));
    CHECK(*policy.refusal(ip("9.9.9.9"), 7480) == "port 7480 is not one the node's policy allows");
}

TEST_CASE("a refusal says which address, which range and why") {
    CHECK(
        *lab().refusal(ip("169.254.169.254"), 80) ==
        "169.254.169.254 is in 169.254.169.254/32, a cloud's metadata service, which the node's policy does not allow");
    CHECK(*lab().refusal(ip("1.1.1.1"), 25) == "port 25 is not one the node's policy allows");
    CHECK(*lab().refusal(ip("2400:1::5efe:10.0.0.1"), 80) ==
          "2400:1::5efe:a00:1, which leads to 10.0.0.1, is in 10.0.0.0/8, a private network, which the node's policy "
          "does not allow");
}

TEST_CASE("a service runs when the policy lists it") {
    CHECK(lab().runs(Service::ping));
    CHECK_FALSE(lab().runs(Service::http));
}
