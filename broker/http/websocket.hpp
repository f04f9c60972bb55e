// A WebSocket of text messages on a connection that was an HTTP request; no Beast in sight.
#pragma once
#include <boost/asio/any_io_executor.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "broker/http/server.hpp"

namespace edge::http {

/// What its owner does. Executor: the connection's thread.
class WebSocketOwner {
  public:
    virtual ~WebSocketOwner() = default;
    virtual void opened() = 0;
    virtual void message(std::string_view text) = 0;
    /// The next message to be sent, if there is one: asked for when the one before has been written, and on wake().
    virtual std::optional<std::string> next() = 0;
    virtual void closed() = 0;
};

/// Executor: the connection's thread. Owners: its owner, and what it waits for.
/// Cancel: close(). Limits: 30 s for a message to be written, 2 s for the close to be answered.
class WebSocket {
  public:
    enum class Close : std::uint16_t { going_away = 1001, not_text = 1003, try_again_later = 1013 };

    virtual ~WebSocket() = default;
    virtual boost::asio::any_io_executor executor() = 0;
    /// There may be something to send.
    virtual void wake() = 0;
    /// After the message that is being written; what waits is not asked for any more.
    virtual void close(Close code, std::string_view reason) = 0;
};

struct WebSocketTerms {
    std::string_view subprotocol;      // a literal
    std::size_t most_message = 4'096;  // of the peer; a larger one closes with 1009, a binary one with 1003
};

/// Takes the connection; the handshake's request was checked before. `owner` is kept until closed().
std::shared_ptr<WebSocket> open_websocket(Upgraded&& upgraded, WebSocketTerms terms,
                                          std::shared_ptr<WebSocketOwner> owner);

}  // namespace edge::http
