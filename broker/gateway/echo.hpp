// Who asks, as the broker sees it: how a node learns the address that a line leaves by.
#pragma once
#include "broker/http/http.hpp"
#include "broker/http/server.hpp"

namespace edge::broker::gateway {

inline constexpr const char* kEchoPath = "/edge/v1/echo";

/// `{"address":"…","port":N}` of the request's peer; an IPv4 address on a socket of both families is told as IPv4.
http::Response echo(const http::Request& request);

/// A listener that answers `GET /` and `GET /edge/v1/echo`, and nothing else.
http::Settings echo_settings(http::ListenAddress listen);

}  // namespace edge::broker::gateway
