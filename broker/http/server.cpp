#include "broker/http/server.hpp"

#include <netinet/tcp.h>
#include <spdlog/spdlog.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "broker/http/connection.hpp"

namespace edge::http {

namespace asio = boost::asio;
using tcp = asio::ip::tcp;
using boost::system::error_code;

namespace {

tcp::endpoint endpoint_of(const ListenAddress& listen) {
    if (listen.address.v6) return {asio::ip::address_v6(listen.address.bytes), listen.port};
    const asio::ip::address_v4::bytes_type bytes = {listen.address.bytes[0], listen.address.bytes[1],
                                                    listen.address.bytes[2], listen.address.bytes[3]};
    return {asio::ip::address_v4(bytes), listen.port};
}

Error cannot_listen(const Settings& settings, const error_code& failed) {
    const std::string where = "[" + settings.name + "] listen " + settings.listen.text();
    if (failed == asio::error::address_in_use)
        return Error{Errc::unavailable, where, "the port is in use; stop what holds it or choose another"};
    if (failed == asio::error::access_denied)
        return Error{Errc::denied, where,
                     "ports below 1024 need CAP_NET_BIND_SERVICE, or a socket unit that gives it: systemctl restart "
                     "edge-broker.socket"};
    return Error{Errc::unavailable, where, "cannot listen: " + failed.message()};
}

void prepare(tcp::socket& socket) {
    error_code ignored;  // without these the connection is slower to answer or to notice a dead peer, but works
    socket.set_option(tcp::no_delay(true), ignored);
    const asio::detail::socket_option::integer<IPPROTO_TCP, TCP_USER_TIMEOUT> user_timeout(30'000);
    socket.set_option(user_timeout, ignored);
}

bool is_short_of_resources(const error_code& failed) {
    return failed == asio::error::no_descriptors || failed == boost::system::errc::too_many_files_open_in_system ||
           failed == asio::error::no_buffer_space || failed == asio::error::no_memory;
}

}  // namespace

struct Server::Listener : std::enable_shared_from_this<Server::Listener> {
    Listener(IoThreads& io, Settings given)
        : threads(io),
          settings(std::make_shared<const Settings>(std::move(given))),
          acceptor(io.at(0)),
          admission(std::make_shared<Admission>(
              acceptor.get_executor(),
              Admission::Caps{settings->connections, settings->unknown, settings->per_address})),
          room(acceptor.get_executor()) {}

    asio::awaitable<void> accept_all();
    asio::awaitable<void> make_room(std::string address);
    void take(tcp::socket socket, const std::string& address, std::uint16_t port);
    /// Not close(): a socket that was given stays open elsewhere, and epoll(7) would go on telling of it.
    void stop_listening() {
        error_code failed;
        const systemd::Descriptor closed(acceptor.release(failed));
        if (failed) acceptor.close(failed);
    }
    void check_drained() {
        if (draining && admission->is_empty() && on_drained) std::exchange(on_drained, nullptr)();
    }

    IoThreads& threads;
    std::shared_ptr<const Settings> settings;  // owners: this and each connection
    tcp::acceptor acceptor;
    std::shared_ptr<Admission> admission;  // owners: this; slots look at it weakly
    asio::steady_timer room;
    std::size_t next = 0;
    std::uint64_t refused = 0;
    bool told_full = false;
    bool draining = false;
    std::function<void()> on_drained;
};

asio::awaitable<void> Server::Listener::accept_all() {
    error_code failed;
    auto wait = asio::redirect_error(asio::use_awaitable, failed);
    bool told = false;
    while (acceptor.is_open()) {
        // Told once for each time it fills up, not for each connection that finds it full.
        told_full = told_full && admission->size() > settings->connections / 2;
        tcp::socket socket(threads.at(next++ % threads.size()));
        co_await acceptor.async_accept(socket, wait);
        if (is_short_of_resources(failed)) {
            if (!std::exchange(told, true))
                spdlog::error("http.accept_failed server={} error=\"{}\" hint=\"raise LimitNOFILE\"", settings->name,
                              failed.message());
            room.expires_after(std::chrono::milliseconds(100));
            co_await room.async_wait(wait);
            continue;
        }
        if (failed) continue;  // the peer left before we came, or the acceptor was closed
        const auto remote = socket.remote_endpoint(failed);
        if (failed) continue;
        const std::string address = remote.address().to_string();
        co_await make_room(address);
        if (acceptor.is_open()) take(std::move(socket), address, remote.port());
    }
}

/// The connection that has waited longest for a request makes room, one of the same address if that has too many.
/// Where none waits, a full server lets the newcomer wait; an address that has too many is refused afterwards.
/// A crowd that comes at once, ten thousand agents after a restart, waits in the kernel's queue meanwhile, where it
/// costs nothing.
asio::awaitable<void> Server::Listener::make_room(std::string address) {
    error_code ignored;  // the wait ends by being cancelled
    auto wait = asio::redirect_error(asio::use_awaitable, ignored);
    while (acceptor.is_open() && (admission->is_full() || admission->is_crowded() || admission->is_full_for(address))) {
        const bool too_many = admission->is_full_for(address);
        std::optional<std::string> whose;
        if (too_many) whose = address;
        const bool is_only_crowded = !too_many && !admission->is_full();
        const bool asked = is_only_crowded || admission->ask_one_to_go(whose);
        if (!asked && too_many) co_return;
        if (!asked && !std::exchange(told_full, true))
            spdlog::warn("http.full server={} connections={} action=accept_paused", settings->name, admission->size());
        room.expires_at(asio::steady_timer::time_point::max());
        co_await room.async_wait(wait);
    }
}

void Server::Listener::take(tcp::socket socket, const std::string& address, std::uint16_t port) {
    auto slot = admission->admit(address, socket.get_executor());
    if (!slot) {
        if (refused++ % 64 == 0)
            spdlog::warn("http.too_many server={} peer={} limit={} refused={}", settings->name, address,
                         settings->per_address, refused);
        return;
    }
    prepare(socket);
    const auto executor = socket.get_executor();
    Transport transport(std::move(socket), settings->tls.get());
    start_connection(executor,
                     std::make_shared<Connection>(std::move(transport), settings, std::move(*slot), address, port));
}

Server::Server(std::shared_ptr<Listener> listener) : listener_(std::move(listener)) {}

Server::~Server() = default;

Result<std::unique_ptr<Server>> Server::listen(IoThreads& threads, Settings settings, systemd::Descriptor given) {
    auto listener = std::make_shared<Listener>(threads, std::move(settings));
    const auto endpoint = endpoint_of(listener->settings->listen);
    error_code failed;
    tcp::acceptor& acceptor = listener->acceptor;
    if (given) {
        acceptor.assign(endpoint.protocol(), given.get(), failed);
        if (!failed) (void)given.release();
    } else {
        acceptor.open(endpoint.protocol(), failed);
        if (!failed) acceptor.set_option(tcp::acceptor::reuse_address(true), failed);
        if (!failed) acceptor.bind(endpoint, failed);
        if (!failed) acceptor.listen(4096, failed);
    }
    if (failed) return cannot_listen(*listener->settings, failed);
    return std::unique_ptr<Server>(new Server(std::move(listener)));
}

void Server::start() {
    Listener& listener = *listener_;
    listener.admission->on_room([weak = listener.weak_from_this()] {
        const auto self = weak.lock();
        if (!self) return;
        self->room.cancel();
        self->check_drained();
    });
    auto loop = [self = listener_]() -> asio::awaitable<void> { co_await self->accept_all(); };
    auto ended = [name = listener.settings->name](std::exception_ptr failed) {
        if (failed) spdlog::critical("http.accept_loop_failed server={}", name);
    };
    asio::co_spawn(listener.acceptor.get_executor(), std::move(loop), std::move(ended));
}

std::uint16_t Server::port() const {
    error_code failed;
    return listener_->acceptor.local_endpoint(failed).port();
}

void Server::drain(std::function<void()> done) {
    asio::post(listener_->acceptor.get_executor(), [self = listener_, done = std::move(done)]() mutable {
        self->stop_listening();
        self->room.cancel();
        self->draining = true;
        self->on_drained = std::move(done);
        if (self->settings->on_drain) self->settings->on_drain();
        self->admission->drain();
        self->check_drained();
    });
}

}  // namespace edge::http
