// An HTTP/1.1 server over one listening socket, plain or TLS; a connection lives on one I/O thread.
#pragma once
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "broker/http/admission.hpp"
#include "broker/http/http.hpp"
#include "broker/http/io_threads.hpp"
#include "broker/http/listen_address.hpp"
#include "broker/http/request_reader.hpp"
#include "broker/http/transport.hpp"
#include "protocol/systemd/descriptor.hpp"

namespace edge::http {

/// A connection that has become something else (a WebSocket). Everything about it now belongs to who takes it.
struct Upgraded {
    Transport transport;
    Request request;
    Slot slot;
};

/// How long each phase of a connection may take; against clients that drip.
struct Deadlines {
    std::chrono::milliseconds handshake{10'000};  // TLS
    std::chrono::milliseconds head{10'000};       // first byte to end of the head
    std::chrono::milliseconds body{30'000};
    std::chrono::milliseconds idle{60'000};   // between requests
    std::chrono::milliseconds write{30'000};  // without the client taking a byte
    std::chrono::milliseconds linger{1'000};  // after the last byte, for the client to have read it
    /// Of body and idle, for a client that has shown who it is; none: the same.
    std::optional<std::chrono::milliseconds> of_known{};
};

struct StreamBounds {
    std::size_t droppable_bytes = 256 * 1024;
    std::size_t kept_bytes = 16 * 1024 * 1024;
};

struct Settings {
    std::string name;  // for the log
    ListenAddress listen;
    std::shared_ptr<boost::asio::ssl::context> tls;  // null: plain. Owners: these settings, kept by each connection
    RequestLimits requests;
    Deadlines deadlines;
    StreamBounds streams;
    std::size_t connections = 1024;  // then one that waits for a request makes room; where none does, accepting pauses
    std::size_t unknown = 0;         // that have not shown who they are; more wait. 0: no cap
    std::size_t per_address = 0;     // of those; 0: no cap
    Handler handler;
    /// For requests that ask to become a WebSocket: a refusal, or nothing. Without it they are ordinary requests.
    std::function<std::optional<Response>(const Request&)> refuse_upgrade;
    std::function<void(Upgraded&)> upgrade;
    std::function<void()> on_drain;  // called once when the server drains, for what outlives a request; any thread
};

class Server {
  public:
    /// Binds and listens, or takes the socket that is `given` and listens already, of the settings' family; nothing is
    /// accepted before start(). `threads` outlives the server.
    /// Errors: unavailable (port in use, no such address), denied (privileged port).
    static Result<std::unique_ptr<Server>> listen(IoThreads& threads, Settings settings,
                                                  systemd::Descriptor given = {});
    ~Server();

    void start();
    std::uint16_t port() const;
    /// Stops accepting, ends idle connections, tells the others; `done` is called on an I/O thread when none is left.
    void drain(std::function<void()> done);

  private:
    struct Listener;
    explicit Server(std::shared_ptr<Listener> listener);
    std::shared_ptr<Listener> listener_;  // owners: this and the accept loop
};

}  // namespace edge::http
