// Names over a line, by its own resolvers and its own sockets, never by the host's stub. A shell around c-ares.
#pragma once
#include <boost/asio/awaitable.hpp>
#include <string>
#include <vector>

#include "agent/link/uplinks.hpp"
#include "protocol/ip.hpp"

namespace edge::agent {

/// Uplinks::open(), awaited.
boost::asio::awaitable<Result<Fd>> open_socket(Uplinks& uplinks, LineName line, bool v6, SocketKind kind);

/// At most some 5 s. Errors: unavailable, with what the resolvers said.
boost::asio::awaitable<Result<std::vector<IpAddress>>> look_up(Uplinks& uplinks, LineName line, UplinkLine known,
                                                               std::string host);

}  // namespace edge::agent
