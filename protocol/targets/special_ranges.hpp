// Which addresses are nobody's business to probe unless the node's operator says so, and the IPv4 address that an IPv6
// address may stand for: known to the worker that asks before it sends, and to the launcher whose guards hold it to
// that. Pure.
#pragma once
#include <optional>
#include <string_view>
#include <vector>

#include "protocol/ip.hpp"

namespace edge {

struct SpecialRange {
    IpPrefix prefix;
    std::string_view what;  // `a private network`
};

/// All of them, the narrower before the wider where one lies in another.
const std::vector<SpecialRange>& special_ranges();

/// Where IPv6 addresses of a range carry an IPv4 address: in the last four bytes (mapped, compatible, NAT64), behind
/// the first two (6to4), or twice (Teredo: the server in bytes 4 to 7, the client inverted in the last four, RFC 4380).
enum class Embedding { none, tail, sixtofour, teredo };
/// By the range alone; ISATAP, which is known by its interface identifier, is `none` here.
Embedding embedding_of(const IpAddress& address);
/// Source: RFC 5214 section 6.1.
bool is_isatap(const IpAddress& address);

/// The built-in range that holds the address; of IPv6 everything outside 2000::/3 is one.
/// Source: IANA special-purpose address registries (RFC 6890 and later), clouds' metadata services.
std::optional<SpecialRange> special_range(const IpAddress& address);

/// The IPv4 addresses that packets to this IPv6 address can end at: mapped, compatible, NAT64, 6to4, Teredo (server and
/// client), ISATAP. Empty for a plain address.
std::vector<IpAddress> embedded_v4(const IpAddress& address);

}  // namespace edge
