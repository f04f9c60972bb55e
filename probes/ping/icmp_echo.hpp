// ICMP echo messages as Linux ICMP datagram sockets carry them: no IP header; identifier and checksum are the kernel's.
// Pure. Source: RFC 792, RFC 4443 section 4.1.
#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <span>

#include "protocol/codings.hpp"

namespace edge::probes {

/// 16 random bytes of one probe: what nobody else can put into a reply.
using Cookie = std::array<std::uint8_t, 16>;

/// Header and payload: cookie, then a fixed pattern. Units: `payload` in bytes, at least 16.
Bytes encode_echo_request(bool v6, std::uint16_t seq, const Cookie& cookie, std::size_t payload);

struct EchoReply {
    std::uint16_t seq = 0;
    std::size_t payload = 0;
};

/// The reply if it is one to a request that carried this cookie and this payload, and nothing otherwise.
std::optional<EchoReply> decode_echo_reply(bool v6, std::span<const std::uint8_t> message, const Cookie& cookie,
                                           std::size_t payload);

/// The sequence number of our request inside an ICMP error (what the error queue quotes), if it is an echo request.
std::optional<std::uint16_t> decode_quoted_request(bool v6, std::span<const std::uint8_t> quoted);

/// `unreachable:host`, `ttl_exceeded`, … ; `icmp:TYPE:CODE` for one without a name.
std::string icmp_error_name(bool v6, std::uint8_t type, std::uint8_t code);

}  // namespace edge::probes
