// Where the broker is and which key it has. Pure.
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "protocol/crypto/keys.hpp"
#include "protocol/result.hpp"

namespace edge::agent {

struct Endpoint {
    std::string host;  // a name or an address, without brackets
    std::string port;
    Digest pin{};  // SHA-256 of the SubjectPublicKeyInfo
    std::optional<Digest> next_pin{};

    /// `host:port`, brackets about an IPv6 address.
    std::string authority() const;
};

/// `https://HOST[:PORT]`, nothing behind it. Errors: bad_value.
Result<Endpoint> parse_broker_url(std::string_view url);

/// `sha256:` and base64, as in identity.json.
std::string pin_text(const Digest& pin);
Result<Digest> parse_pin(std::string_view text);

/// `edgej_<id>.<secret>.<pin>`, the last two base64url without padding. Only the pin means anything to the agent.
struct JoinToken {
    std::string text;
    Digest pin{};
};
Result<JoinToken> parse_join_token(std::string_view text);

}  // namespace edge::agent
