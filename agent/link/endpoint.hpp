// Where the broker is and which key it has. Pure.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

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

/// As above, `#pin=sha256:BASE64` behind it where the broker has another key than `pin`. Errors: bad_value.
Result<Endpoint> parse_broker(std::string_view text, const Digest& pin);

/// Those of the texts, which parse_broker() has taken, or the one that the node joined where there is none. Its pin is
/// that of all that bring none of their own.
std::vector<Endpoint> brokers_of(const std::vector<std::string>& texts, const Endpoint& joined);

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
