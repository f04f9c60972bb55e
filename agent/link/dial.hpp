// A connection to a broker's host and port: over a line or as the host routes, through a proxy or not.
#pragma once
#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "agent/link/carrier.hpp"
#include "agent/link/endpoint.hpp"
#include "agent/link/proxy.hpp"
#include "agent/link/uplinks.hpp"

namespace edge::agent {

/// How to get to a broker.
struct Route {
    std::optional<LineName> line;  // none: as the host routes
    Uplinks* uplinks = nullptr;    // outlives the dial; where there is a line
    std::optional<Proxy> proxy;
    std::vector<std::string> addresses{};         // in place of what the broker's name says; empty: the name is asked
    std::chrono::milliseconds each_step{10'000};  // a name, a connection, a handshake
};

/// What dialling met on its way.
struct Met {
    std::vector<std::string> addresses;  // that were to be tried; first the one that answered
    bool no_answer = false;              // nobody was there to refuse anything
    bool refused = false;                // the host is there, and the broker is not
};

/// Did nothing come back?
bool is_silence(const boost::system::error_code& error);

/// TCP to the endpoint, or a tunnel to it. Executor: the carrier's. Cancel: closing the carrier. `carrier` and `met`
/// outlive it. Errors: unavailable.
boost::asio::awaitable<Result<>> dial(Carrier& carrier, Endpoint to, Route route, Met& met);

}  // namespace edge::agent
