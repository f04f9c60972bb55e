// Where agents come in: /edge/v1/link (WebSocket), /edge/v1/poll where none gets through, and /edge/v1/enroll.
#pragma once
#include <memory>

#include "broker/gateway/polls.hpp"
#include "broker/http/server.hpp"

namespace edge::broker::gateway {

/// What an HTTP server needs to be the gateway. `domain` outlives the server's I/O threads; `polls` has the
/// sessions that are polled.
http::Settings gateway_settings(http::ListenAddress listen, std::shared_ptr<boost::asio::ssl::context> tls,
                                SessionOptions options, Domain& domain, std::shared_ptr<Polls> polls);

/// Why a request that wants to become a WebSocket does not, or nothing. Pure.
std::optional<http::Response> refuse_upgrade(const http::Request& request);

/// POST /edge/v1/enroll: is the body whole, and does its sender hold the key it names? Pure.
/// Errors: bad_syntax, bad_value, too_large (the body), denied (the signature).
Result<link::EnrollRequest> checked_enroll_request(std::string_view body);

}  // namespace edge::broker::gateway
