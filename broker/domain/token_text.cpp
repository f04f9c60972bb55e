#include "broker/domain/token_text.hpp"

#include <algorithm>
#include <array>

namespace edge::broker {
namespace {

constexpr std::string_view kApiPrefix = "edgep_";
constexpr std::string_view kJoinPrefix = "edgej_";
constexpr std::string_view kBase32 = "0123456789abcdefghjkmnpqrstvwxyz";
constexpr std::string_view kBase62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
constexpr std::size_t kIdSize = 8;
constexpr std::size_t kSecretSize = 43;
constexpr std::size_t kSumSize = 6;

// CRC-32 as in zlib; for typing errors and secret scanners, not against forgery.
std::uint32_t crc32(std::string_view text) {
    std::uint32_t crc = 0xffffffff;
    for (const char c : text) {
        crc ^= static_cast<std::uint8_t>(c);
        for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0xedb88320u : 0u);
    }
    return ~crc;
}

/// The number that `digits` spell in base 256, in `size` digits of base 62.
std::string base62(std::span<const std::uint8_t> digits, std::size_t size) {
    Bytes rest(digits.begin(), digits.end());
    std::string text(size, '0');
    for (std::size_t i = size; i-- > 0;) {
        std::uint32_t remainder = 0;
        for (auto& digit : rest) {
            const std::uint32_t value = remainder << 8 | digit;
            digit = static_cast<std::uint8_t>(value / 62);
            remainder = value % 62;
        }
        text[i] = kBase62[remainder];
    }
    return text;
}

std::string check_sum(std::string_view text) {
    const std::uint32_t crc = crc32(text);
    const std::array<std::uint8_t, 4> bytes{static_cast<std::uint8_t>(crc >> 24), static_cast<std::uint8_t>(crc >> 16),
                                            static_cast<std::uint8_t>(crc >> 8), static_cast<std::uint8_t>(crc)};
    return base62(bytes, kSumSize);
}

std::string base32_of_five(std::span<const std::uint8_t, 5> bytes) {
    std::uint64_t bits = 0;
    for (const auto byte : bytes) bits = bits << 8 | byte;
    std::string text(kIdSize, '0');
    for (std::size_t i = kIdSize; i-- > 0; bits >>= 5) text[i] = kBase32[bits & 31];
    return text;
}

}  // namespace

std::string make_api_token(std::span<const std::uint8_t, 5> id, std::span<const std::uint8_t, 32> secret) {
    std::string text = std::string(kApiPrefix) + base32_of_five(id) + base62(secret, kSecretSize);
    return text + check_sum(text);
}

std::optional<ApiTokenText> parse_api_token(std::string_view text) {
    if (text.size() != kApiPrefix.size() + kIdSize + kSecretSize + kSumSize || !text.starts_with(kApiPrefix))
        return std::nullopt;
    const std::string_view body = text.substr(0, text.size() - kSumSize);
    if (check_sum(body) != text.substr(body.size())) return std::nullopt;
    return ApiTokenText{std::string(body.substr(kApiPrefix.size(), kIdSize)),
                        std::string(body.substr(kApiPrefix.size() + kIdSize))};
}

std::string make_join_token(TokenId id, std::span<const std::uint8_t, 32> secret, std::string_view pin) {
    return std::string(kJoinPrefix) + to_base32(id.bytes) + "." + to_base64url(secret) + "." + std::string(pin);
}

std::optional<JoinTokenText> parse_join_token(std::string_view text) {
    if (!text.starts_with(kJoinPrefix) || text.size() > 256) return std::nullopt;
    text.remove_prefix(kJoinPrefix.size());
    JoinTokenText token;
    const auto first = text.find('.');
    const auto second = first == std::string_view::npos ? first : text.find('.', first + 1);
    if (second == std::string_view::npos || !from_base32(text.substr(0, first), token.id.bytes)) return std::nullopt;
    token.secret = text.substr(first + 1, second - first - 1);
    if (token.secret.size() != kSecretSize) return std::nullopt;
    return token;
}

Digest secret_hash(std::string_view secret) {
    return sha256(as_bytes(secret));
}

std::string to_base64url(std::span<const std::uint8_t> bytes) {
    std::string text = to_base64(bytes);
    std::replace(text.begin(), text.end(), '+', '-');
    std::replace(text.begin(), text.end(), '/', '_');
    while (text.ends_with('=')) text.pop_back();
    return text;
}

}  // namespace edge::broker
