#include "protocol/ip.hpp"

#include <arpa/inet.h>

#include <charconv>

namespace edge {

Result<IpAddress> IpAddress::parse(std::string_view text) {
    IpAddress address;
    address.v6 = text.find(':') != std::string_view::npos;
    const std::string terminated(text);
    const int family = address.v6 ? AF_INET6 : AF_INET;
    if (text.size() > 45 || terminated.find('\0') != std::string::npos ||
        inet_pton(family, terminated.c_str(), address.bytes.data()) != 1) {
        return Error{Errc::bad_value, {}, "expected an IPv4 or IPv6 address"};
    }
    return address;
}

std::string IpAddress::text() const {
    char buffer[INET6_ADDRSTRLEN]{};
    inet_ntop(v6 ? AF_INET6 : AF_INET, bytes.data(), buffer, sizeof buffer);
    return buffer;
}

Result<IpPrefix> IpPrefix::parse(std::string_view text) {
    const auto slash = text.find('/');
    IpPrefix prefix;
    EDGE_TRY(prefix.address, IpAddress::parse(text.substr(0, slash)));
    const unsigned width = prefix.address.v6 ? 128 : 32;
    unsigned length = width;
    if (slash != std::string_view::npos) {
        const auto digits = text.substr(slash + 1);
        const auto [end, failed] = std::from_chars(digits.data(), digits.data() + digits.size(), length);
        if (failed != std::errc{} || end != digits.data() + digits.size() || (digits.size() > 1 && digits[0] == '0') ||
            length > width) {
            return Error{Errc::bad_value, {}, "expected a prefix length of 0 to " + std::to_string(width)};
        }
    }
    prefix.length = static_cast<std::uint8_t>(length);
    for (unsigned bit = length; bit < width; ++bit) {
        if (prefix.address.bytes[bit / 8] & (0x80u >> bit % 8)) {
            return Error{Errc::bad_value, {}, "bits are set behind the prefix length"};
        }
    }
    return prefix;
}

std::string IpPrefix::text() const {
    return address.text() + "/" + std::to_string(length);
}

bool IpPrefix::contains(const IpAddress& other) const {
    if (other.v6 != address.v6) return false;
    const std::size_t whole = length / 8;
    for (std::size_t i = 0; i < whole; ++i) {
        if (other.bytes[i] != address.bytes[i]) return false;
    }
    const unsigned rest = length % 8;
    return rest == 0 || ((other.bytes[whole] ^ address.bytes[whole]) >> (8 - rest)) == 0;
}

IpPrefix network_of(const IpAddress& address, std::uint8_t length) {
    IpPrefix prefix{address, length};
    for (unsigned bit = length; bit < 128; ++bit)
        prefix.address.bytes[bit / 8] &= static_cast<std::uint8_t>(~(0x80u >> bit % 8));
    return prefix;
}

}  // namespace edge
