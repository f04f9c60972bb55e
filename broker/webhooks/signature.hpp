// How a message says who sent it. Source: Standard Webhooks 1.0.0, "Signature scheme". Pure.
#pragma once
#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace edge::broker::webhooks {

/// `v1,BASE64` for each secret, with spaces between. Units: `timestamp` seconds since 1970.
std::string signatures(std::span<const std::array<std::uint8_t, 32>> secrets, std::string_view id,
                       std::uint64_t timestamp, std::string_view body);

}  // namespace edge::broker::webhooks
