// Addresses and prefixes as a test writes them.
#pragma once
#include <string_view>

#include "protocol/ip.hpp"

namespace edge {

inline IpAddress ip(std::string_view text) {
    return IpAddress::parse(text).value();
}
inline IpPrefix net(std::string_view text) {
    return IpPrefix::parse(text).value();
}

}  // namespace edge
