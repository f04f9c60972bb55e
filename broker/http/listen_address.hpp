// Where a server listens: `127.0.0.1:8080`, `[::1]:8080`, `0.0.0.0:7443`. Pure.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "protocol/ip.hpp"

namespace edge::http {

struct ListenAddress {
    IpAddress address{};
    std::uint16_t port = 0;  // 0: the kernel chooses

    /// Addresses only; names would be looked up, and could change.
    static Result<ListenAddress> parse(std::string_view text);
    std::string text() const;
    bool is_loopback() const;
};

/// `[::1]:80` or `192.0.2.1:80`.
std::string host_and_port(const std::string& address, std::uint16_t port);

}  // namespace edge::http
