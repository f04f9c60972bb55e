// An HTTP proxy on the way to the broker: where it is, how it is asked for a tunnel, and what it answers. Pure.
// Source: RFC 9110 section 9.3.6 (CONNECT), RFC 7617 (Basic).
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "protocol/result.hpp"

namespace edge::agent {

struct Proxy {
    bool tls = false;  // to the proxy itself, whose certificate is one that this machine trusts
    std::string host;  // a name or an address, without brackets
    std::string port;
    std::string user;  // empty: it is not told one
    std::string password;
};

/// `http[s]://[USER[:PASSWORD]@]HOST[:PORT]`, USER and PASSWORD percent-encoded where they must be; the port is 3128
/// (http) or 443 (https) where it is not said. Errors: bad_value, without the password.
Result<Proxy> parse_proxy_url(std::string_view url);

inline constexpr std::size_t kMostProxyAnswer = 8 * 1024;

/// The request for a tunnel to `authority`, HOST:PORT.
std::string connect_request(const Proxy& proxy, const std::string& authority);

/// What the proxy has answered so far: nothing yet, a tunnel, or why there is none. Errors: denied (it refuses us or
/// the broker), unavailable (it cannot reach it), bad_syntax (no answer of a proxy, or one above kMostProxyAnswer).
std::optional<Result<>> proxy_answer(std::string_view so_far);

}  // namespace edge::agent
