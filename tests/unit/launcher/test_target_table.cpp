// The kernel's table says of every address what the worker's own policy says.
#include <doctest/doctest.h>

#include <random>

#include "agent/launcher/lines/target_table.hpp"
#include "protocol/targets/special_ranges.hpp"
#include "protocol/targets/target_policy.hpp"
#include "tests/unit/protocol/targets/addresses.hpp"

using namespace edge;
using namespace edge::launcher;

namespace {

/// As the kernel's trie: the longest prefix that holds the address.
TargetVerdict look_up(const TargetTable& table, const IpAddress& address) {
    const TargetEntry* best = nullptr;
    for (const auto& entry : table.entries)
        if (entry.prefix.contains(address) && (best == nullptr || best->prefix.length < entry.prefix.length))
            best = &entry;
    REQUIRE(best != nullptr);
    return best->verdict;
}

/// As target_program decides, for a TCP or UDP port.
bool allows(const TargetTable& table, const std::vector<std::uint16_t>& ports, const IpAddress& address,
            std::uint16_t port, bool udp) {
    const OpenPort asked{{address, port}, udp};
    if (std::find(table.open.begin(), table.open.end(), asked) != table.open.end()) return true;
    if (look_up(table, address) == TargetVerdict::deny) return false;
    for (const auto& inside : embedded_v4(address))
        if (look_up(table, inside) != TargetVerdict::allow) return false;
    return ports.empty() || std::find(ports.begin(), ports.end(), port) != ports.end();
}

/// Addresses at the edges of the interesting ranges, and around them; and those with an open port.
IpAddress draw_near(std::mt19937& random, const TargetTable& table) {
    if (random() % 4 == 0) return table.open[random() % table.open.size()].target.address;
    const auto& entry = table.entries[random() % table.entries.size()];
    IpAddress address = entry.prefix.address;
    const unsigned bits = address.v6 ? 128 : 32;
    for (unsigned bit = entry.prefix.length; bit < bits; ++bit)
        if (random() % 2 == 0)
            address.bytes[bit / 8] = static_cast<std::uint8_t>(address.bytes[bit / 8] | (0x80U >> (bit % 8)));
    if (random() % 4 == 0) {
        const unsigned bit = static_cast<unsigned>(random()) % bits;
        address.bytes[bit / 8] = static_cast<std::uint8_t>(address.bytes[bit / 8] ^ (0x80U >> (bit % 8)));
    }
    return address;
}

}  // namespace

TEST_CASE("table and policy say the same of every address") {
    const std::vector<std::vector<IpPrefix>> allows_of = {
        {},
        {net("198.51.100.0/24"), net("2001:db8::/32")},
        {net("0.0.0.0/0"), net("::/0")},
        {net("10.0.0.0/8"), net("64:ff9b::/96"), net("2002::/16"), net("2001::/32")},
        {net("64:ff9b::/64"), net("2000::/3"), net("fc00::/7")},
    };
    const std::vector<std::vector<IpPrefix>> denies_of = {
        {}, {net("10.1.0.0/16"), net("8.8.8.0/24"), net("2001:db8:1::/48")}, {net("0.0.0.0/0")}};
    std::mt19937 random(1);
    for (const auto& allow : allows_of)
        for (const auto& deny : denies_of)
            for (const std::vector<std::uint16_t>& ports : {std::vector<std::uint16_t>{}, {80, 443}}) {
                const std::vector<IpAddress> resolvers{ip("10.0.0.53"), ip("198.51.100.53"), ip("2001:db8::53")};
                const std::vector<IpAddress> own{ip("198.51.100.2"), ip("2001:db8::2"), ip("127.0.0.1")};
                const std::vector<TargetPort> only{
                    {ip("10.0.0.53"), 22},   {ip("10.1.0.1"), 22},         {ip("203.0.114.5"), 7480},
                    {ip("127.0.0.1"), 7480}, {ip("2001:db8::2"), 80},      {ip("2001:db8:9::5"), 7480},
                    {ip("8.8.8.8"), 7480},   {ip("64:ff9b::a01:1"), 7480}, {ip("64:ff9b::a00:1"), 7480}};
                const auto table = target_table(Targets{allow, deny, ports, only}, resolvers, own);
                TargetPolicy policy{{}, ports, allow, deny, only, resolvers, own};
                for (int i = 0; i < 2'000; ++i) {
                    const IpAddress address = draw_near(random, table);
                    const auto port = static_cast<std::uint16_t>(std::vector{53, 80, 22, 7480}[random() % 4]);
                    const bool udp = random() % 2 == 0;
                    const bool expected = !policy.refusal(address, port, udp ? Transport::udp : Transport::tcp);
                    CAPTURE(address.text());
                    CAPTURE(port);
                    CAPTURE(udp);
                    REQUIRE(allows(table, ports, address, port, udp) == expected);
                }
            }
}

TEST_CASE("what `only` lists is open on that TCP port, unless it is an address of the host") {
    const Targets targets{.allow = {},
                          .deny = {net("8.8.8.0/24"), net("10.9.0.0/16")},
                          .ports = {80},
                          .only = {{ip("192.168.1.9"), 7480},
                                   {ip("1.1.1.1"), 7480},
                                   {ip("8.8.8.8"), 7480},
                                   {ip("8.8.4.4"), 7480},
                                   {ip("64:ff9b::10.9.1.1"), 7480}}};
    const auto table = target_table(targets, {}, {ip("8.8.4.4")});
    const auto opens = [&](const char* address, std::uint16_t port, bool udp = false) {
        return allows(table, targets.ports, ip(address), port, udp);
    };
    CHECK(opens("192.168.1.9", 7480));
    CHECK_FALSE(opens("192.168.1.9", 7480, true));
    CHECK_FALSE(opens("192.168.1.9", 80));
    CHECK(opens("1.1.1.1", 7480));  // although it is no port of the list
    CHECK(opens("1.1.1.1", 80));    // as without it
    CHECK(opens("8.8.8.8", 7480));
    CHECK_FALSE(opens("8.8.8.8", 80));
    CHECK_FALSE(opens("8.8.4.4", 7480));
    CHECK(opens("64:ff9b::10.9.1.1", 7480));
    CHECK_FALSE(opens("64:ff9b::10.9.1.1", 80));
}

TEST_CASE("an address that nothing special holds is allowed, and one of the host's is not") {
    const auto table = target_table({}, {ip("192.168.1.1")}, {ip("8.8.4.4"), ip("2400:1::5")});
    CHECK(look_up(table, ip("8.8.8.8")) == TargetVerdict::allow);
    CHECK(look_up(table, ip("8.8.4.4")) == TargetVerdict::deny);
    CHECK(look_up(table, ip("2400:1::5")) == TargetVerdict::deny);
    CHECK(look_up(table, ip("2400:1::6")) == TargetVerdict::allow);
    CHECK(look_up(table, ip("192.168.1.1")) == TargetVerdict::deny);
    CHECK(allows(table, {}, ip("192.168.1.1"), 53, true));
    CHECK(allows(table, {}, ip("192.168.1.1"), 53, false));
    CHECK_FALSE(allows(table, {}, ip("192.168.1.1"), 54, true));
    CHECK(look_up(table, ip("192.168.1.2")) == TargetVerdict::deny);
    CHECK(look_up(table, ip("4000::1")) == TargetVerdict::deny);
}
