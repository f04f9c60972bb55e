// Where the broker listens: at the addresses of its configuration, or on sockets that systemd opened for it.
#pragma once
#include <vector>

#include "broker/config.hpp"
#include "protocol/systemd/listen_sockets.hpp"

namespace edge::broker {

struct Listener {
    http::ListenAddress address;
    systemd::Descriptor given;  // none: to be bound to the address
};

struct Listeners {
    Listener gateway, api;
};

/// A socket named `gateway` or `api` takes the place of what [gateway] or [api] say in `listen`, and the log says so.
/// Errors: bad_value (a socket of another name, a second of one name, not a listening TCP socket, or one without TLS
/// that is not on loopback).
Result<Listeners> listeners_of(const BrokerConfig& config, std::vector<systemd::ListenSocket> given);

}  // namespace edge::broker
