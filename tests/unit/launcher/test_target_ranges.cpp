// nftables is told ranges; they say of every address what the table says.
#include <doctest/doctest.h>

#include <algorithm>
#include <random>

#include "agent/launcher/lines/target_ranges.hpp"
#include "protocol/targets/special_ranges.hpp"
#include "tests/unit/protocol/targets/addresses.hpp"

using namespace edge;
using namespace edge::launcher;

namespace {

bool table_denies(const TargetTable& table, const IpAddress& address) {
    const TargetEntry* best = nullptr;
    for (const auto& entry : table.entries)
        if (entry.prefix.contains(address) && (best == nullptr || best->prefix.length < entry.prefix.length))
            best = &entry;
    return best->verdict == TargetVerdict::deny;
}

bool holds(const std::vector<AddressRange>& ranges, const IpAddress& address) {
    return std::any_of(ranges.begin(), ranges.end(),
                       [&](const auto& range) { return range.first <= address && address <= range.last; });
}

IpAddress draw(std::mt19937& random, const TargetTable& table) {
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

std::string text_of(const std::vector<AddressRange>& ranges) {
    std::string text;
    for (const auto& range : ranges) text += range.text() + "\n";
    return text;
}

}  // namespace

TEST_CASE("ranges and table say the same of every address, inside and out") {
    const std::vector<std::vector<IpPrefix>> allows_of = {
        {},
        {net("198.51.100.0/24"), net("2001:db8::/32")},
        {net("0.0.0.0/0"), net("::/0")},
        {net("10.0.0.0/8"), net("64:ff9b::/96"), net("2002::/16"), net("2001::/32")},
        {net("64:ff9b::/64"), net("2000::/3"), net("fc00::/7")}};
    const std::vector<std::vector<IpPrefix>> denies_of = {
        {}, {net("10.1.0.0/16"), net("8.8.8.0/24"), net("2001:db8:1::/48"), net("2002:a00::/32")}, {net("0.0.0.0/0")}};
    std::mt19937 random(1);
    for (const auto& allow : allows_of)
        for (const auto& deny : denies_of) {
            const auto table = target_table(Targets{allow, deny, {}, {}}, {}, {ip("198.51.100.2"), ip("127.0.0.1")});
            const std::vector<AddressRange> denied[] = {denied_ranges(table, false), denied_ranges(table, true)};
            for (int i = 0; i < 2'000; ++i) {
                const auto address = draw(random, table);
                CAPTURE(address.text());
                bool expected = table_denies(table, address);
                if (!is_isatap(address))
                    for (const auto& inside : embedded_v4(address)) expected = expected || table_denies(table, inside);
                const bool told = holds(denied[address.v6 ? 1 : 0], address);
                if (embedding_of(address) == Embedding::teredo)
                    REQUIRE(told);  // more than the table
                else if (embedding_of(address) == Embedding::tail && !is_isatap(address))
                    REQUIRE((told || !expected));  // never less: a range wider than one /96 is denied whole
                else
                    REQUIRE(told == expected);
            }
        }
}

TEST_CASE("ranges are in order, do not touch, and reach both ends") {
    const auto table = target_table(
        Targets{{net("0.0.0.0/0")}, {net("0.0.0.0/8"), net("1.0.0.0/8"), net("255.255.255.255/32")}, {}, {}}, {},
        {ip("9.9.9.9")});
    CHECK(text_of(denied_ranges(table, false)) ==
          "0.0.0.0-1.255.255.255\n"
          "9.9.9.9\n"
          "255.255.255.255\n");
    CHECK(text_of(denied_ranges(target_table({}, {}, {}), true))
              .ends_with(
                  "\n3fff::-3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff\n4000::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff\n"));
}

TEST_CASE("an IPv4 address that is denied is denied inside NAT64 and 6to4 as well") {
    const auto table = target_table(
        Targets{{net("64:ff9b::/96"), net("2002::/16"), net("0.0.0.0/0")}, {net("10.0.0.0/8")}, {}, {}}, {}, {});
    const auto text = text_of(denied_ranges(table, true));
    CHECK(text.find("64:ff9b::a00:0-64:ff9b::aff:ffff\n") != std::string::npos);
    CHECK(text.find("2002:a00::-2002:aff:ffff:ffff:ffff:ffff:ffff:ffff\n") != std::string::npos);
}
