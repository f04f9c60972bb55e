// Is this request the opening handshake of a WebSocket as we speak it? Pure. Source: RFC 6455 section 4.2.1.
#pragma once
#include <optional>
#include <string_view>

#include "broker/http/http.hpp"

namespace edge::http {

/// The refusal, or nothing: version 13, a key of 16 bytes, and `subprotocol` among those offered.
std::optional<Response> objection_to_websocket(const Request& request, std::string_view subprotocol);

}  // namespace edge::http
