// Which addresses are nobody's business to probe unless the node's operator says so, and the IPv4 address that an IPv6
// address may stand for. Pure.
#pragma once
#include <optional>
#include <string_view>
#include <vector>

#include "protocol/ip.hpp"

namespace edge::probes {

struct SpecialRange {
    IpPrefix prefix;
    std::string_view what;  // `a private network`
};

/// The built-in range that holds the address; of IPv6 everything outside 2000::/3 is one.
/// Source: IANA special-purpose address registries (RFC 6890 and later), clouds' metadata services.
std::optional<SpecialRange> special_range(const IpAddress& address);

/// The IPv4 addresses that packets to this IPv6 address can end at: mapped, compatible, NAT64, 6to4, Teredo (server and
/// client), ISATAP. Empty for a plain address.
std::vector<IpAddress> embedded_v4(const IpAddress& address);

}  // namespace edge::probes
