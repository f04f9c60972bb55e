#include "broker/http/listen_address.hpp"

#include <charconv>

namespace edge::http {

Result<ListenAddress> ListenAddress::parse(std::string_view text) {
    const Error wrong{Errc::bad_value, {}, "expected ADDRESS:PORT, as 127.0.0.1:8080 or [::1]:8080"};
    const std::size_t colon = text.rfind(':');
    if (colon == std::string_view::npos) return wrong;
    std::string_view host = text.substr(0, colon);
    const std::string_view digits = text.substr(colon + 1);
    const bool bracketed = host.starts_with('[') && host.ends_with(']');
    if (bracketed) host = host.substr(1, host.size() - 2);
    const auto address = IpAddress::parse(host);
    if (!address || address.value().v6 != bracketed) return wrong;
    ListenAddress listen{address.value(), 0};
    const auto [stop, failed] = std::from_chars(digits.data(), digits.data() + digits.size(), listen.port);
    if (failed != std::errc{} || stop != digits.data() + digits.size()) return wrong;
    return listen;
}

std::string ListenAddress::text() const {
    return host_and_port(address.text(), port);
}

bool ListenAddress::is_loopback() const {
    if (!address.v6) return address.bytes[0] == 127;
    std::array<std::uint8_t, 16> one{};
    one[15] = 1;
    return address.bytes == one;
}

std::string host_and_port(const std::string& address, std::uint16_t port) {
    const bool v6 = address.find(':') != std::string::npos;
    return (v6 ? "[" + address + "]" : address) + ":" + std::to_string(port);
}

}  // namespace edge::http
