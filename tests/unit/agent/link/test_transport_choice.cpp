#include <doctest/doctest.h>

#include "agent/link/transport_choice.hpp"

using namespace edge::agent;
using namespace std::chrono_literals;
using edge::link::LinkTransport;

TEST_CASE("requests take the place of a WebSocket that was twice not to be had, over that way and for an hour") {
    TransportChoice choice({});
    const Way one{0, 0}, other{1, 0};
    const Time start{};
    CHECK_FALSE(choice.no_websocket(one, start));
    CHECK(choice.next(one, start) == LinkTransport::websocket);
    CHECK(choice.no_websocket(one, start));
    CHECK(choice.next(one, start + 59min) == LinkTransport::poll);
    CHECK(choice.next(other, start) == LinkTransport::websocket);
    CHECK(choice.next(one, start + 60min) == LinkTransport::websocket);
    CHECK(choice.no_websocket(one, start + 60min));  // as before: it is believed again
    choice.forget(one);
    CHECK(choice.next(one, start + 60min) == LinkTransport::websocket);
    CHECK_FALSE(choice.no_websocket(one, start + 60min));
}

TEST_CASE("where agent.toml names a transport there is no other") {
    for (const LinkTransport only : {LinkTransport::websocket, LinkTransport::poll}) {
        TransportChoice choice(only);
        CHECK_FALSE(choice.no_websocket({}, Time{}));
        CHECK_FALSE(choice.no_websocket({}, Time{}));
        CHECK(choice.next({}, Time{}) == only);
    }
}
