// A session on a WebSocket.
#pragma once
#include "broker/gateway/session.hpp"
#include "broker/http/server.hpp"

namespace edge::broker::gateway {

/// Takes the connection: WebSocket handshake, then the link until either side ends it. On the connection's thread.
/// `domain` outlives the I/O threads.
void start_websocket_session(http::Upgraded upgraded, SessionOptions options, Domain& domain);

}  // namespace edge::broker::gateway
