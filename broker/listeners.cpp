#include "broker/listeners.hpp"

#include <netinet/in.h>
#include <spdlog/spdlog.h>
#include <sys/socket.h>

#include <algorithm>
#include <utility>

namespace edge::broker {
namespace {

int option(int fd, int name) {
    int value = -1;
    socklen_t size = sizeof value;
    return ::getsockopt(fd, SOL_SOCKET, name, &value, &size) == 0 ? value : -1;
}

Result<http::ListenAddress> address_of(int fd) {
    const int family = option(fd, SO_DOMAIN);
    if ((family != AF_INET && family != AF_INET6) || option(fd, SO_TYPE) != SOCK_STREAM ||
        option(fd, SO_ACCEPTCONN) != 1)
        return Error{Errc::bad_value, {}, "is no TCP socket that listens; use ListenStream=ADDRESS:PORT and Accept=no"};
    http::ListenAddress listen;
    if (family == AF_INET) {
        sockaddr_in name{};
        socklen_t size = sizeof name;
        ::getsockname(fd, reinterpret_cast<sockaddr*>(&name), &size);
        std::copy_n(reinterpret_cast<const std::uint8_t*>(&name.sin_addr), 4, listen.address.bytes.begin());
        listen.port = ntohs(name.sin_port);
    } else {
        sockaddr_in6 name{};
        socklen_t size = sizeof name;
        ::getsockname(fd, reinterpret_cast<sockaddr*>(&name), &size);
        listen.address.v6 = true;
        std::copy_n(name.sin6_addr.s6_addr, 16, listen.address.bytes.begin());
        listen.port = ntohs(name.sin6_port);
    }
    return listen;
}

Result<> take(Listener& listener, const std::string& configured, bool tls, systemd::ListenSocket& socket) {
    if (listener.given) return Error{Errc::bad_value, {}, "there are two of that name; one address is listened on"};
    EDGE_TRY(listener.address, address_of(socket.fd.get()));
    EDGE_TRY(may_listen(listener.address, tls));
    listener.given = std::move(socket.fd);
    spdlog::info("broker.socket_given name={} listen={} instead_of={}", socket.name, listener.address.text(),
                 configured);
    return ok();
}

}  // namespace

Result<Listeners> listeners_of(const BrokerConfig& config, std::vector<systemd::ListenSocket> given) {
    Listeners listeners;
    EDGE_TRY(listeners.gateway.address, http::ListenAddress::parse(config.gateway.listen));
    EDGE_TRY(listeners.api.address, http::ListenAddress::parse(config.api.listen));
    for (auto& socket : given) {
        Result<> taken = Error{Errc::bad_value, {}, "expected FileDescriptorName=gateway or api"};
        const std::string name = socket.name;
        if (name == "gateway") taken = take(listeners.gateway, config.gateway.listen, config.gateway.tls, socket);
        if (name == "api") taken = take(listeners.api, config.api.listen, config.api.tls, socket);
        if (taken) continue;
        return Error{taken.error().code, "the socket \"" + name + "\" that systemd hands over", taken.error().detail};
    }
    return listeners;
}

}  // namespace edge::broker
