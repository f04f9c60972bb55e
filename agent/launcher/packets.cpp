#include "agent/launcher/packets.hpp"

#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "protocol/launcher/payloads.hpp"

namespace edge::launcher {
namespace {

template <class Body>
std::optional<Request> with_body(const Header& header, std::span<const std::byte> packet) {
    if (packet.size() != sizeof(Packet<Body>)) return std::nullopt;
    Body body;
    std::memcpy(&body, packet.data() + offsetof(Packet<Body>, body), sizeof body);
    if constexpr (requires { body.line; }) {
        if (std::memchr(body.line.text, '\0', sizeof body.line.text) == nullptr) return std::nullopt;
    }
    if constexpr (requires { body.payload; }) {
        if (body.payload >= kPayloads.size() || body.sealed > 1) return std::nullopt;
    }
    if constexpr (requires { body.protocol; }) {
        constexpr int kProtocols[] = {0, IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP, IPPROTO_ICMPV6};
        if (std::ranges::find(kProtocols, int{body.protocol}) == std::end(kProtocols)) return std::nullopt;
    }
    if constexpr (requires { body.transport; }) {
        if (body.family != AF_INET && body.family != AF_INET6) return std::nullopt;
        if (body.transport != UplinkTransport::tcp && body.transport != UplinkTransport::udp) return std::nullopt;
    }
    return Request{header, body};
}

}  // namespace

std::optional<Request> parse_request(std::span<const std::byte> packet) {
    Header header;
    if (packet.size() < sizeof header) return std::nullopt;
    std::memcpy(&header, packet.data(), sizeof header);
    if (header.magic != kMagic || header.version != kVersion || header.status != 0) return std::nullopt;
    switch (header.type) {
        case Type::get_line:
            return with_body<GetLine>(header, packet);
        case Type::spawn:
            return with_body<Spawn>(header, packet);
        case Type::attempt:
            return with_body<Attempt>(header, packet);
        case Type::kill:
            return with_body<Kill>(header, packet);
        case Type::stats:
            return with_body<Stats>(header, packet);
        case Type::route_get:
            return with_body<RouteGet>(header, packet);
        case Type::get_host:
            if (packet.size() != sizeof header) return std::nullopt;
            return Request{header, GetHost{}};
        case Type::get_policy:
            return with_body<GetPolicy>(header, packet);
        case Type::deny_targets:
            return with_body<DenyTargets>(header, packet);
        case Type::line_usage:
            return with_body<AskUsage>(header, packet);
        case Type::open_uplink:
            return with_body<OpenUplink>(header, packet);
        case Type::worker_exited:
        case Type::line_changed:
            break;  // ours to send
    }
    return std::nullopt;
}

std::optional<IpAddress> address_in(const Address& address) {
    if (address.family != AF_INET && address.family != AF_INET6) return std::nullopt;
    IpAddress out;
    out.v6 = address.family == AF_INET6;
    std::memcpy(out.bytes.data(), address.bytes, out.v6 ? 16 : 4);
    return out;
}

Address to_wire(const std::optional<IpAddress>& address) {
    Address out;
    if (!address) return out;
    out.family = address->v6 ? AF_INET6 : AF_INET;
    std::memcpy(out.bytes, address->bytes.data(), sizeof out.bytes);
    return out;
}

Bytes failure_of(const Header& request, int error, std::string_view text) {
    Failure body;
    std::memcpy(body.text, text.data(), std::min(text.size(), sizeof body.text - 1));
    Bytes bytes = packet_of(request.type, request.serial, body);
    const std::int32_t status = error != 0 ? error : EIO;
    std::memcpy(bytes.data() + offsetof(Header, status), &status, sizeof status);
    return bytes;
}

}  // namespace edge::launcher
