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

/// What is asked for, as far as it matters who asks.
struct Reached {
    bool by_tls = false;  // this API, and in no other way
    bool acts = false;    // what is asked for does something, even by GET
};

/// Why a page may not ask this, or nothing. A browser adds the cookie whoever's page it is that asks: what does
/// something, or becomes a WebSocket, has to come from a page of this server. A program sends no Origin and needs none.
std::optional<std::string> objection_to_sender(const http::Request& request, const Credentials& credentials,
                                               Reached reached);

}  // namespace edge::broker::api
