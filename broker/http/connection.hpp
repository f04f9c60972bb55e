// One client's connection: requests in, answers out, one at a time.
#pragma once
#include <array>
#include <boost/asio/awaitable.hpp>
#include <memory>

#include "broker/http/exchange.hpp"
#include "broker/http/request_reader.hpp"
#include "broker/http/server.hpp"
#include "broker/http/watchdog.hpp"

namespace edge::http {

/// Owns: the socket until an upgrade takes it. Executor: its I/O thread.
/// Cancel: closing the transport (deadline, drain); every wait then ends.
class Connection final : public Client, public std::enable_shared_from_this<Connection> {
  public:
    Connection(Transport transport, std::shared_ptr<const Settings> settings, Slot slot, std::string peer,
               std::uint16_t peer_port);

    boost::asio::awaitable<void> run();

    std::string exported_key(std::string_view label) override { return transport_.exported_key(label); }
    void authenticated() override;

  private:
    /// What an answer needs to know of its request when that has gone to the handler.
    struct Asked {
        std::string method;
        std::string path;
        std::string id;
        bool keeps_alive = true;
    };

    // Each answers whether the connection goes on.
    boost::asio::awaitable<bool> receive();
    boost::asio::awaitable<bool> serve(Request request);
    boost::asio::awaitable<bool> respond(Response response, Asked asked);
    boost::asio::awaitable<bool> send_stream(std::shared_ptr<QueuedStream> stream, Asked asked);
    boost::asio::awaitable<bool> write(std::string text);

    boost::asio::awaitable<void> refuse(Refusal refusal);
    boost::asio::awaitable<void> linger();
    void hand_over(Request request, const std::function<void(Upgraded&)>& take);
    void call_handler(Request request, const std::shared_ptr<Answer>& answer);
    void watch_for_end(std::shared_ptr<QueuedStream> stream);
    std::chrono::milliseconds limit(std::chrono::milliseconds of_unknown) const;
    void waits();
    void works();
    bool goes_for_another();
    void late();
    void drain();

    Transport transport_;
    std::shared_ptr<const Settings> settings_;  // owners: the listener and its connections
    Slot slot_;
    std::string peer_;
    std::uint16_t peer_port_;
    RequestReader reader_;
    Watchdog watchdog_;
    std::array<char, 4096> input_{};
    std::shared_ptr<QueuedStream> stream_;  // owners: this and the stream's producer; while one is sent
    bool busy_ = false;                     // a request is being received or answered
    bool draining_ = false;
    bool reading_ = false;   // what is awaited is a request
    bool gone_ = false;      // an upgrade has taken the transport
    bool late_ = false;      // it did not come in time
    bool is_known_ = false;  // the client has shown who it is
};

void start_connection(const boost::asio::any_io_executor& executor, std::shared_ptr<Connection> connection);

}  // namespace edge::http
