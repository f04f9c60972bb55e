// Over what an agent's link reaches the broker, as its hello says.
#pragma once
#include <boost/describe.hpp>
#include <string>

namespace edge::link {

/// The uplink that is the host's own routing, and no line.
inline constexpr const char* kHostUplink = "mgmt";

/// What binds the link's sockets to their uplink: nothing, since the host routes them; edge-launcher, by device, mark
/// and source address; the same without a mark, where the launcher is an ordinary user's.
enum class UplinkBound { host, launcher, cooperative };
BOOST_DESCRIBE_ENUM(UplinkBound, host, launcher, cooperative)

/// What carries the link's messages: a WebSocket, or HTTPS requests that wait, where none gets through.
enum class LinkTransport { websocket, poll };
BOOST_DESCRIBE_ENUM(LinkTransport, websocket, poll)

struct Uplink {
    static constexpr bool fields_have_defaults = true;
    std::string name = kHostUplink;  // or a line's
    std::string broker;              // HOST:PORT that was dialled
    UplinkBound bound = UplinkBound::host;
    std::string why;  // it is this one
    LinkTransport transport = LinkTransport::websocket;
};
BOOST_DESCRIBE_STRUCT(Uplink, (), (name, broker, bound, why, transport))

}  // namespace edge::link
