// IP addresses and prefixes as values. Pure: no resolving, no sockets.
#pragma once
#include <array>
#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "protocol/result.hpp"

namespace edge {

enum class IpFamily { any, v4, v6 };

struct IpAddress {
    bool v6 = false;
    std::array<std::uint8_t, 16> bytes{};  // IPv4: the first four

    /// Dotted quad or RFC 4291 text only; no zone, no brackets, no short forms (`127.1` is refused).
    static Result<IpAddress> parse(std::string_view text);
    /// RFC 5952.
    std::string text() const;
    IpFamily family() const { return v6 ? IpFamily::v6 : IpFamily::v4; }
    friend auto operator<=>(const IpAddress&, const IpAddress&) = default;
};

struct IpPrefix {
    IpAddress address{};
    std::uint8_t length = 0;

    /// `192.0.2.0/24`, `2001:db8::/32`, or an address alone (its whole length). Host bits must be zero.
    static Result<IpPrefix> parse(std::string_view text);
    std::string text() const;
    bool contains(const IpAddress& other) const;
    friend auto operator<=>(const IpPrefix&, const IpPrefix&) = default;
};

/// The prefix of this length that holds the address.
IpPrefix network_of(const IpAddress& address, std::uint8_t length);

}  // namespace edge
