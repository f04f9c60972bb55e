// How Beast's WebSocket ends a connection of ours: found by argument-dependent lookup, wherever a
// websocket::stream<Transport> is.
#pragma once
#include <boost/asio/post.hpp>
#include <utility>

#include "broker/http/transport.hpp"

namespace boost::beast {
enum class role_type;
}

namespace edge::http {

inline void beast_close_socket(Transport& transport) {
    transport.close();
}

inline void teardown(boost::beast::role_type, Transport& transport, boost::system::error_code& failed) {
    failed = {};
    transport.close();
}

template <class Handler>
void async_teardown(boost::beast::role_type, Transport& transport, Handler&& handler) {
    transport.end_sending();
    boost::asio::post(transport.get_executor(),
                      [handler = std::forward<Handler>(handler)]() mutable { handler(boost::system::error_code{}); });
}

}  // namespace edge::http
