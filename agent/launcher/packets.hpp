// The packets of protocol/launcher/messages.hpp, checked and built. Pure: what arrives was written by the agent, which
// talks to the internet; nothing of it is believed that is not checked here.
#pragma once
#include <cstddef>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "protocol/ip.hpp"
#include "protocol/launcher/messages.hpp"

namespace edge::launcher {

using Bytes = std::vector<std::byte>;

struct GetHost {};
using Verb =
    std::variant<GetLine, Spawn, Attempt, Kill, Stats, RouteGet, GetHost, GetPolicy, DenyTargets, AskUsage, OpenUplink>;
struct Request {
    Header header;
    Verb verb;
};

/// Larger than any request, so that a longer packet is seen to be too long.
inline constexpr std::size_t kMaxRequest = 512;

/// Exactly one packet. None: wrong magic, version, type or size, a status, a text without its NUL, or a
/// number that is none of its list.
std::optional<Request> parse_request(std::span<const std::byte> packet);

/// The address, if its family is one.
std::optional<IpAddress> address_in(const Address& address);

/// None is of no family.
Address to_wire(const std::optional<IpAddress>& address);

/// An answer (serial of the request) or an event (serial 0). Padding is zero, so that no memory of ours leaks.
template <class Body>
Bytes packet_of(Type type, std::uint32_t serial, const Body& body) {
    Bytes bytes(sizeof(Packet<Body>));
    const Header header{.type = type, .serial = serial};
    std::memcpy(bytes.data() + offsetof(Packet<Body>, header), &header, sizeof header);
    std::memcpy(bytes.data() + offsetof(Packet<Body>, body), &body, sizeof body);
    return bytes;
}

Bytes failure_of(const Header& request, int error, std::string_view text);

}  // namespace edge::launcher
