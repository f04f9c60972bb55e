#include "broker/http/websocket.hpp"

#include <spdlog/spdlog.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/websocket.hpp>

#include "broker/http/websocket_end.hpp"

namespace edge::http {

namespace asio = boost::asio;
namespace websocket = boost::beast::websocket;
namespace beast_http = boost::beast::http;
using boost::system::error_code;

namespace {

constexpr std::chrono::seconds kMessageLimit{30};
constexpr std::chrono::seconds kFarewellLimit{2};

/// Beast's own view of the request, from ours: its head was checked and parsed before.
beast_http::request<beast_http::empty_body> handshake_of(const Request& request) {
    beast_http::request<beast_http::empty_body> upgrade{beast_http::verb::get, request.path, 11};
    for (const auto& [name, value] : request.headers) upgrade.insert(name, value);
    return upgrade;
}

class BeastWebSocket final : public WebSocket, public std::enable_shared_from_this<BeastWebSocket> {
  public:
    BeastWebSocket(Upgraded&& upgraded, WebSocketTerms terms, std::shared_ptr<WebSocketOwner> owner)
        : slot_(std::move(upgraded.slot)),
          request_(std::move(upgraded.request)),
          terms_(terms),
          owner_(std::move(owner)),
          ws_(std::move(upgraded.transport)),
          timer_(ws_.get_executor()) {}

    asio::awaitable<void> run();
    /// After run(), however it ended.
    void end();
    asio::any_io_executor executor() override { return ws_.get_executor(); }
    void wake() override { write(); }
    void close(Close code, std::string_view reason) override;

  private:
    void prepare();
    void write();
    void say_farewell();
    void expect_within(std::chrono::seconds limit);
    Transport& transport() { return ws_.next_layer(); }

    Slot slot_;
    Request request_;
    WebSocketTerms terms_;
    std::shared_ptr<WebSocketOwner> owner_;  // until it is closed
    websocket::stream<Transport, false> ws_;
    asio::steady_timer timer_;
    std::optional<websocket::close_reason> closing_;
    std::string writing_;  // in the air; empty: nothing
    bool open_ = false;
    bool farewell_ = false;
};

void BeastWebSocket::prepare() {
    websocket::stream_base::timeout limits{};
    limits.handshake_timeout = std::chrono::seconds(10);
    limits.idle_timeout = websocket::stream_base::none();  // heartbeats that cannot be written end it
    limits.keep_alive_pings = false;
    ws_.set_option(limits);
    ws_.set_option(
        websocket::stream_base::decorator([protocol = terms_.subprotocol](websocket::response_type& response) {
            response.set(beast_http::field::sec_websocket_protocol, protocol);
        }));
    ws_.read_message_max(terms_.most_message);
    ws_.auto_fragment(false);
    ws_.text(true);
    slot_.authenticated();
    slot_.on_drain([weak = weak_from_this()] {
        if (const auto self = weak.lock()) self->close(Close::going_away, "the broker stops");
    });
}

asio::awaitable<void> BeastWebSocket::run() {
    error_code failed;
    auto token = asio::redirect_error(asio::use_awaitable, failed);
    prepare();
    const auto handshake = handshake_of(request_);
    co_await ws_.async_accept(handshake, token);
    open_ = !failed;
    if (open_) {
        owner_->opened();
        write();
    }
    boost::beast::flat_buffer buffer;
    while (!failed) {
        co_await ws_.async_read(buffer, token);
        if (failed) break;
        const auto data = buffer.cdata();
        const std::string_view text(static_cast<const char*>(data.data()), data.size());
        if (!ws_.got_text())
            close(Close::not_text, "text messages only");
        else if (!closing_ && !farewell_)
            owner_->message(text);
        buffer.consume(buffer.size());
    }
}

void BeastWebSocket::end() {
    open_ = false;
    timer_.cancel();
    transport().close();
    if (const auto owner = std::exchange(owner_, nullptr)) owner->closed();
}

void BeastWebSocket::close(Close code, std::string_view reason) {
    if (closing_ || farewell_) return;
    closing_.emplace(static_cast<websocket::close_code>(code), boost::beast::string_view(reason.data(), reason.size()));
    if (!open_) return transport().close();
    if (writing_.empty()) say_farewell();
}

/// One message in the air at a time.
void BeastWebSocket::write() {
    if (!open_ || closing_ || farewell_ || !writing_.empty()) return;
    auto message = owner_->next();
    if (!message || closing_) return;
    writing_ = std::move(*message);
    expect_within(kMessageLimit);
    ws_.async_write(asio::buffer(writing_), [self = shared_from_this()](error_code failed, std::size_t) {
        self->writing_.clear();
        if (self->writing_.capacity() > 64 * 1024) self->writing_.shrink_to_fit();
        self->timer_.cancel();
        if (failed) return self->transport().close();
        if (self->closing_) return self->say_farewell();
        self->write();
    });
}

void BeastWebSocket::say_farewell() {
    farewell_ = true;
    expect_within(kFarewellLimit);
    ws_.async_close(*closing_, [self = shared_from_this()](error_code) { self->transport().close(); });
}

void BeastWebSocket::expect_within(std::chrono::seconds limit) {
    timer_.expires_after(limit);
    timer_.async_wait([weak = weak_from_this()](error_code failed) {
        if (const auto self = weak.lock(); self && !failed) self->transport().close();
    });
}

}  // namespace

std::shared_ptr<WebSocket> open_websocket(Upgraded&& upgraded, WebSocketTerms terms,
                                          std::shared_ptr<WebSocketOwner> owner) {
    auto socket = std::make_shared<BeastWebSocket>(std::move(upgraded), terms, std::move(owner));
    auto task = [socket]() -> asio::awaitable<void> { co_await socket->run(); };
    auto ended = [socket](std::exception_ptr failed) {
        if (failed) spdlog::error("http.websocket_failed");
        socket->end();
    };
    asio::co_spawn(socket->executor(), std::move(task), std::move(ended));
    return socket;
}

}  // namespace edge::http
