// One address and port, as people write it. Pure.
#pragma once
#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "protocol/ip.hpp"

namespace edge {

struct TargetPort {
    IpAddress address{};
    std::uint16_t port = 0;

    /// `192.0.2.1:443` or `[2001:db8::1]:443`; 1 to 65535. Errors: bad_value.
    static Result<TargetPort> parse(std::string_view text);
    std::string text() const;
    friend auto operator<=>(const TargetPort&, const TargetPort&) = default;
};

}  // namespace edge
