// An agent's session on its WebSocket.
#pragma once
#include <chrono>

#include "broker/domain/domain.hpp"
#include "broker/http/server.hpp"

namespace edge::broker::gateway {

struct SessionOptions {
    link::Limits limits{};
    std::chrono::milliseconds handshake{10'000};  // from challenge to welcome_ack
    std::uint32_t drain_ms = 2'000;               // what agents get to flush when the broker stops
    std::uint32_t reconnect_window_ms = 5'000;
};

/// Takes the connection: WebSocket handshake, then the link until either side ends it. On the connection's thread.
/// `domain` outlives the I/O threads.
void start_session(http::Upgraded upgraded, SessionOptions options, Domain& domain);

}  // namespace edge::broker::gateway
