#include "protocol/targets/special_ranges.hpp"

#include <algorithm>
#include <array>

namespace edge {
namespace {

struct Row {
    std::string_view prefix;
    std::string_view what;
};

// The first row that holds an address names it: narrower ranges stand before wider ones.
constexpr std::array kRows = std::to_array<Row>({
    {"0.0.0.0/8", "\"this network\""},
    {"10.0.0.0/8", "a private network"},
    {"100.100.100.200/32", "a cloud's metadata service"},
    {"100.64.0.0/10", "a carrier's shared range (CGNAT)"},
    {"127.0.0.0/8", "loopback"},
    {"168.63.129.16/32", "a cloud's metadata service"},
    {"169.254.169.254/32", "a cloud's metadata service"},
    {"169.254.0.0/16", "link-local"},
    {"172.16.0.0/12", "a private network"},
    {"192.0.0.0/24", "reserved for protocols"},
    {"192.0.2.0/24", "a documentation range"},
    {"192.88.99.0/24", "6to4 relays"},
    {"192.168.0.0/16", "a private network"},
    {"198.18.0.0/15", "a benchmarking range"},
    {"198.51.100.0/24", "a documentation range"},
    {"203.0.113.0/24", "a documentation range"},
    {"224.0.0.0/4", "multicast"},
    {"255.255.255.255/32", "broadcast"},
    {"240.0.0.0/4", "reserved"},
    {"::/128", "the unspecified address"},
    {"::1/128", "loopback"},
    {"::ffff:0:0/96", "an IPv4-mapped address"},
    {"::/96", "an IPv4-compatible address"},
    {"64:ff9b::/96", "NAT64"},
    {"64:ff9b:1::/48", "NAT64"},
    {"100::/64", "a discard range"},
    {"2001::/32", "Teredo"},
    {"2001::/23", "reserved for protocols"},
    {"2001:db8::/32", "a documentation range"},
    {"2002::/16", "6to4"},
    {"3fff::/20", "a documentation range"},
    {"5f00::/16", "segment routing"},
    {"fd00:ec2::254/128", "a cloud's metadata service"},
    {"fc00::/7", "a private network (ULA)"},
    {"fe80::/10", "link-local"},
    {"fec0::/10", "site-local"},
    {"ff00::/8", "multicast"},
});

IpAddress v4_at(const IpAddress& address, std::size_t offset, std::uint8_t flip = 0) {
    IpAddress found;
    for (std::size_t i = 0; i < 4; ++i) found.bytes[i] = static_cast<std::uint8_t>(address.bytes[offset + i] ^ flip);
    return found;
}

bool within(std::string_view prefix, const IpAddress& address) {
    return IpPrefix::parse(prefix).value().contains(address);
}

}  // namespace

const std::vector<SpecialRange>& special_ranges() {
    static const std::vector<SpecialRange> parsed = [] {
        std::vector<SpecialRange> all;
        for (const Row& row : kRows) all.push_back({IpPrefix::parse(row.prefix).value(), row.what});
        return all;
    }();
    return parsed;
}

std::optional<SpecialRange> special_range(const IpAddress& address) {
    for (const SpecialRange& range : special_ranges()) {
        if (range.prefix.contains(address)) return range;
    }
    static const IpPrefix global = IpPrefix::parse("2000::/3").value();
    if (address.v6 && !global.contains(address))
        return SpecialRange{IpPrefix::parse("::/0").value(), "outside 2000::/3"};
    return std::nullopt;
}

Embedding embedding_of(const IpAddress& address) {
    if (!address.v6) return Embedding::none;
    const bool tail = within("::ffff:0:0/96", address) || within("64:ff9b::/96", address) ||
                      within("64:ff9b:1::/48", address) || (within("::/96", address) && !within("::/127", address));
    if (tail) return Embedding::tail;
    if (within("2002::/16", address)) return Embedding::sixtofour;
    return within("2001::/32", address) ? Embedding::teredo : Embedding::none;
}

bool is_isatap(const IpAddress& address) {
    const auto& b = address.bytes;
    return address.v6 && (b[8] & 0xfd) == 0 && b[9] == 0 && b[10] == 0x5e && b[11] == 0xfe;
}

std::vector<IpAddress> embedded_v4(const IpAddress& address) {
    switch (embedding_of(address)) {
        case Embedding::tail:
            return {v4_at(address, 12)};
        case Embedding::sixtofour:
            return {v4_at(address, 2)};
        case Embedding::teredo:
            return {v4_at(address, 4), v4_at(address, 12, 0xff)};
        case Embedding::none:
            break;
    }
    if (is_isatap(address)) return {v4_at(address, 12)};
    return {};
}

}  // namespace edge
