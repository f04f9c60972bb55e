#include "probes/ping/control_messages.hpp"

#include <linux/errqueue.h>
#include <netinet/in.h>

#include <algorithm>
#include <cstring>
#include <span>

namespace edge::probes {
namespace {

using Payload = std::span<const unsigned char>;

template <class T>
std::optional<T> value_in(Payload payload) {
    if (payload.size() < sizeof(T)) return std::nullopt;
    T value{};
    std::memcpy(&value, payload.data(), sizeof value);
    return value;
}

/// A clock that is set to where its nanoseconds fit no 64 bits tells nothing.
std::optional<std::chrono::nanoseconds> time_in(Payload payload) {
    constexpr std::int64_t kLatest = 1LL << 33;  // the year 2242
    const auto stamp = value_in<timespec>(payload);
    const bool sane =
        stamp && stamp->tv_sec >= 0 && stamp->tv_sec < kLatest && stamp->tv_nsec >= 0 && stamp->tv_nsec < 1'000'000'000;
    if (!sane) return std::nullopt;
    return std::chrono::seconds(stamp->tv_sec) + std::chrono::nanoseconds(stamp->tv_nsec);
}

std::optional<IpAddress> address_in(Payload payload) {
    IpAddress address;
    if (const auto four = value_in<sockaddr_in>(payload); four && four->sin_family == AF_INET) {
        std::memcpy(address.bytes.data(), &four->sin_addr, 4);
        return address;
    }
    if (const auto six = value_in<sockaddr_in6>(payload); six && six->sin6_family == AF_INET6) {
        address.v6 = true;
        std::memcpy(address.bytes.data(), &six->sin6_addr, 16);
        return address;
    }
    return std::nullopt;
}

std::optional<QueuedError> error_in(Payload payload) {
    const auto why = value_in<sock_extended_err>(payload);
    if (!why) return std::nullopt;
    QueuedError error;
    error.type = why->ee_type;
    error.code = why->ee_code;
    error.is_local = why->ee_origin == SO_EE_ORIGIN_LOCAL;
    error.os_errno = static_cast<int>(why->ee_errno);
    if (!error.is_local) error.from = address_in(payload.subspan(sizeof *why));  // SO_EE_OFFENDER
    return error;
}

}  // namespace

ControlFacts read_control(const msghdr& header) {
    ControlFacts facts;
    auto* message = const_cast<msghdr*>(&header);  // CMSG_NXTHDR asks for one it does not write to
    const auto* end = static_cast<const unsigned char*>(header.msg_control) + header.msg_controllen;
    for (cmsghdr* one = CMSG_FIRSTHDR(message); one; one = CMSG_NXTHDR(message, one)) {
        // glibc looks at the length of the next one, not at whether the first one's fits.
        const auto* data = CMSG_DATA(one);
        if (one->cmsg_len < CMSG_LEN(0) || one->cmsg_len - CMSG_LEN(0) > static_cast<std::size_t>(end - data)) break;
        const Payload payload(data, one->cmsg_len - CMSG_LEN(0));
        const auto is = [one](int level, int type) { return one->cmsg_level == level && one->cmsg_type == type; };
        if (is(SOL_SOCKET, SCM_TIMESTAMPNS)) {
            facts.stamped = time_in(payload);
        } else if (is(IPPROTO_IP, IP_TTL) || is(IPPROTO_IPV6, IPV6_HOPLIMIT)) {
            if (const auto ttl = value_in<int>(payload)) facts.ttl = static_cast<std::uint32_t>(*ttl);
        } else if (is(IPPROTO_IP, IP_RECVERR) || is(IPPROTO_IPV6, IPV6_RECVERR)) {
            facts.error = error_in(payload);
        }
    }
    return facts;
}

}  // namespace edge::probes
