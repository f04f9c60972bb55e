// Tokens as people carry them: a prefix that scanners recognise, an id to find them by, a secret of which only the
// SHA-256 is kept (256 random bits need no slow hash).
//   edgep_<8 base32 id><43 base62 secret><6 base62 CRC-32>
//   edgej_<26 base32 id>.<43 base64url secret>.<43 base64url SPKI pin>
#pragma once
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "protocol/crypto/keys.hpp"
#include "protocol/ids.hpp"

namespace edge::broker {

struct ApiTokenText {
    std::string lookup;  // the 8 characters of id
    std::string secret;  // the 43 characters, as they stand
};
std::string make_api_token(std::span<const std::uint8_t, 5> id, std::span<const std::uint8_t, 32> secret);
/// Empty when the form or the check sum is wrong.
std::optional<ApiTokenText> parse_api_token(std::string_view text);

struct JoinTokenText {
    TokenId id;
    std::string secret;
};
std::string make_join_token(TokenId id, std::span<const std::uint8_t, 32> secret, std::string_view pin);
std::optional<JoinTokenText> parse_join_token(std::string_view text);

/// What the store keeps of a secret.
Digest secret_hash(std::string_view secret);

/// RFC 4648 section 5, without padding.
std::string to_base64url(std::span<const std::uint8_t> bytes);

}  // namespace edge::broker
