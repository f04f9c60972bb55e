#include "probes/ping/icmp_echo.hpp"

#include <algorithm>

namespace edge::probes {
namespace {

constexpr std::size_t kHeader = 8;  // type, code, checksum, identifier, sequence

constexpr std::uint8_t request_type(bool v6) {
    return v6 ? 128 : 8;
}
constexpr std::uint8_t reply_type(bool v6) {
    return v6 ? 129 : 0;
}

std::uint16_t seq_of(std::span<const std::uint8_t> message) {
    return static_cast<std::uint16_t>(message[6] << 8 | message[7]);
}

constexpr std::uint8_t pattern(std::size_t index) {
    return static_cast<std::uint8_t>(index);
}

}  // namespace

Bytes encode_echo_request(bool v6, std::uint16_t seq, const Cookie& cookie, std::size_t payload) {
    Bytes message(kHeader + payload);
    message[0] = request_type(v6);
    message[6] = static_cast<std::uint8_t>(seq >> 8);
    message[7] = static_cast<std::uint8_t>(seq);
    std::copy(cookie.begin(), cookie.end(), message.begin() + kHeader);
    for (std::size_t i = cookie.size(); i < payload; ++i) message[kHeader + i] = pattern(i);
    return message;
}

std::optional<EchoReply> decode_echo_reply(bool v6, std::span<const std::uint8_t> message, const Cookie& cookie,
                                           std::size_t payload) {
    if (message.size() != kHeader + payload || payload < cookie.size()) return std::nullopt;
    if (message[0] != reply_type(v6) || message[1] != 0) return std::nullopt;
    const auto body = message.subspan(kHeader);
    if (!std::equal(cookie.begin(), cookie.end(), body.begin())) return std::nullopt;
    for (std::size_t i = cookie.size(); i < payload; ++i) {
        if (body[i] != pattern(i)) return std::nullopt;
    }
    return EchoReply{seq_of(message), payload};
}

std::optional<std::uint16_t> decode_quoted_request(bool v6, std::span<const std::uint8_t> quoted) {
    if (quoted.size() < kHeader || quoted[0] != request_type(v6) || quoted[1] != 0) return std::nullopt;
    return seq_of(quoted);
}

std::string icmp_error_name(bool v6, std::uint8_t type, std::uint8_t code) {
    struct Row {
        bool v6;
        std::uint8_t type, code;
        const char* name;
    };
    static constexpr Row kRows[] = {
        {false, 3, 0, "unreachable:net"},
        {false, 3, 1, "unreachable:host"},
        {false, 3, 2, "unreachable:protocol"},
        {false, 3, 3, "unreachable:port"},
        {false, 3, 4, "too_big"},
        {false, 3, 5, "unreachable:source_route"},
        {false, 3, 9, "prohibited:net"},
        {false, 3, 10, "prohibited:host"},
        {false, 3, 13, "prohibited:filter"},
        {false, 11, 0, "ttl_exceeded"},
        {false, 11, 1, "reassembly_timeout"},
        {false, 5, 0, "redirect"},
        {true, 1, 0, "unreachable:net"},
        {true, 1, 1, "prohibited:filter"},
        {true, 1, 2, "unreachable:scope"},
        {true, 1, 3, "unreachable:host"},
        {true, 1, 4, "unreachable:port"},
        {true, 1, 5, "prohibited:source"},
        {true, 1, 6, "unreachable:rejected"},
        {true, 2, 0, "too_big"},
        {true, 3, 0, "ttl_exceeded"},
        {true, 3, 1, "reassembly_timeout"},
        {true, 4, 0, "parameter_problem"},
    };
    for (const Row& row : kRows) {
        if (row.v6 == v6 && row.type == type && row.code == code) return row.name;
    }
    return "icmp:" + std::to_string(type) + ":" + std::to_string(code);
}

}  // namespace edge::probes
