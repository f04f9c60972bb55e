#include "protocol/targets/target_port.hpp"

#include <charconv>

namespace edge {

Result<TargetPort> TargetPort::parse(std::string_view text) {
    const Error wrong{Errc::bad_value, {}, "expected ADDRESS:PORT, such as 192.0.2.1:443 or [2001:db8::1]:443"};
    const auto colon = text.rfind(':');
    if (colon == std::string_view::npos) return wrong;
    auto host = text.substr(0, colon);
    const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
    if (bracketed) host = host.substr(1, host.size() - 2);
    const auto address = IpAddress::parse(host);
    if (!address || address.value().v6 != bracketed) return wrong;
    TargetPort target{address.value(), 0};
    const auto digits = text.substr(colon + 1);
    const auto [end, failed] = std::from_chars(digits.data(), digits.data() + digits.size(), target.port);
    const bool whole = failed == std::errc{} && end == digits.data() + digits.size();
    if (!whole || digits.front() == '0') return wrong;  // 0 is no port, and nobody writes 0443
    return target;
}

std::string TargetPort::text() const {
    return (address.v6 ? "[" + address.text() + "]:" : address.text() + ":") + std::to_string(port);
}

}  // namespace edge
