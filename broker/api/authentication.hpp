// Who asks: a program by its bearer token, a browser by the cookie that holds one, and never a page of elsewhere. Pure.
#pragma once
#include <optional>
#include <string>

#include "broker/http/http.hpp"

namespace edge::broker::api {

inline constexpr std::string_view kSessionCookie = "edge_session";

struct Credentials {
    std::string token;  // empty: none
    bool by_cookie = false;
};

/// `Authorization: Bearer TOKEN`, else the session's cookie. Source: RFC 6750 section 2.1.
Credentials credentials_of(const http::Request& request);

/// Did this request come by TLS: to this API, or to a proxy before it that says so? A plain API listens on loopback
/// alone, so whoever says so is of this machine, and it makes things only stricter: the cookie goes by TLS alone.
bool came_by_tls(const http::Request& request, bool api_tls);

/// What is asked for, as far as it matters who asks.
struct Reached {
    bool by_tls = false;  // then a page has to have come so, too
    bool acts = false;    // what is asked for does something, even by GET
};

/// Why a page may not ask this, or nothing. A browser adds the cookie whoever's page it is that asks: what does
/// something, or becomes a WebSocket, has to come from a page of this server. A program sends no Origin and needs none.
std::optional<std::string> objection_to_sender(const http::Request& request, const Credentials& credentials,
                                               Reached reached);

}  // namespace edge::broker::api
