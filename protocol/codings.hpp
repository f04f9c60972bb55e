// Bytes as text: base32 (Crockford's alphabet, lower case, as in ids), base64 (RFC 4648, padded) and hex.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace edge {

using Bytes = std::vector<std::uint8_t>;

std::string to_hex(std::span<const std::uint8_t> bytes);
std::optional<Bytes> from_hex(std::string_view text);

std::string to_base64(std::span<const std::uint8_t> bytes);
/// Strict: canonical padding, no white space, no stray bits.
std::optional<Bytes> from_base64(std::string_view text);

/// 16 bytes as 26 characters; sorts as the bytes do.
std::string to_base32(std::span<const std::uint8_t, 16> bytes);
bool from_base32(std::string_view text, std::span<std::uint8_t, 16> out);

/// The bytes of a string, without a copy.
inline std::span<const std::uint8_t> as_bytes(std::string_view text) {
    return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

}  // namespace edge
