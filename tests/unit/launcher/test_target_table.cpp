// The kernel's table says of every address what the worker's own policy says.
#include <doctest/doctest.h>

#include <random>

#include "agent/launcher/lines/target_table.hpp"
#include "protocol/targets/special_ranges.hpp"
#include "protocol/targets/target_policy.hpp"

using namespace edge;
using namespace edge::launcher;

namespace {

IpAddress ip(const std::string& text) {
    return IpAddress::parse(text).value();
}
IpPrefix net(const std::string& text) {
    return IpPrefix::parse(text).value();
}

/// As the kernel's trie: the longest prefix that holds the address.
TargetVerdict look_up(const std::vector<TargetEntry>& table, const IpAddress& address) {
    const TargetEntry* best = nullptr;
    for (const auto& entry : table)
        if (entry.prefix.contains(address) && (best == nullptr || best->prefix.length < entry.prefix.length))
            best = &entry;
    REQUIRE(best != nullptr);
    return best->verdict;
}

bool allows_v4(const std::vector<TargetEntry>& table, const IpAddress& address) {
    const auto verdict = look_up(table, address);
    return verdict == TargetVerdict::allow || verdict == TargetVerdict::allow_and_dns;
}

/// As target_program decides, for a TCP or UDP port.
bool allows(const std::vector<TargetEntry>& table, const std::vector<std::uint16_t>& ports, const IpAddress& address,
            std::uint16_t port) {
    const auto verdict = look_up(table, address);
    if (verdict == TargetVerdict::deny) return false;
    if (verdict == TargetVerdict::dns_only) return port == 53;
    if (verdict == TargetVerdict::allow_and_dns && port == 53) return true;
    if (verdict != TargetVerdict::allow_and_dns)
        for (const auto& inside : embedded_v4(address))
            if (!allows_v4(table, inside)) return false;
    return ports.empty() || std::find(ports.begin(), ports.end(), port) != ports.end();
}

/// Addresses at the edges of the interesting ranges, and around them.
IpAddress draw(std::mt19937& random, const std::vector<TargetEntry>& table) {
    const auto& entry = table[random() % table.size()];
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
                const auto table = target_table(Targets{allow, deny, ports}, resolvers, own);
                TargetPolicy policy{{}, ports, allow, deny, resolvers, own};
                for (int i = 0; i < 2'000; ++i) {
                    const IpAddress address = draw(random, table);
                    const auto port = static_cast<std::uint16_t>(std::vector{53, 80, 22}[random() % 3]);
                    const bool expected = !policy.refusal(address, port);
                    CAPTURE(address.text());
                    CAPTURE(port);
                    REQUIRE(allows(table, ports, address, port) == expected);
                }
            }
}

TEST_CASE("an address that nothing special holds is allowed, and one of the host's is not") {
    const auto table = target_table({}, {ip("192.168.1.1")}, {ip("8.8.4.4"), ip("2400:1::5")});
    CHECK(look_up(table, ip("8.8.8.8")) == TargetVerdict::allow);
    CHECK(look_up(table, ip("8.8.4.4")) == TargetVerdict::deny);
    CHECK(look_up(table, ip("2400:1::5")) == TargetVerdict::deny);
    CHECK(look_up(table, ip("2400:1::6")) == TargetVerdict::allow);
    CHECK(look_up(table, ip("192.168.1.1")) == TargetVerdict::dns_only);
    CHECK(look_up(table, ip("192.168.1.2")) == TargetVerdict::deny);
    CHECK(look_up(table, ip("4000::1")) == TargetVerdict::deny);
}
