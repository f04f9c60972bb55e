#include "broker/gateway/websocket_channel.hpp"

#include <spdlog/spdlog.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/websocket.hpp>

#include "broker/gateway/frame_count.hpp"
#include "broker/http/websocket_end.hpp"

namespace edge::broker::gateway {

namespace asio = boost::asio;
namespace websocket = boost::beast::websocket;
namespace beast_http = boost::beast::http;
using boost::system::error_code;

namespace {

/// Beast's own view of the request, from ours: its head was checked and parsed before.
beast_http::request<beast_http::empty_body> upgrade_request(const http::Request& request) {
    beast_http::request<beast_http::empty_body> upgrade{beast_http::verb::get, request.path, 11};
    for (const auto& [name, value] : request.headers) upgrade.insert(name, value);
    return upgrade;
}

/// Owns: the socket. Executor: its I/O thread. Cancel: closing the transport; the read then fails and run() returns.
/// Owners: its coroutine, its session and pending handlers.
class WebSocketChannel final : public Channel, public std::enable_shared_from_this<WebSocketChannel> {
  public:
    explicit WebSocketChannel(http::Upgraded upgraded)
        : slot_(std::move(upgraded.slot)), request_(std::move(upgraded.request)), ws_(std::move(upgraded.transport)) {}

    asio::awaitable<void> run(SessionOptions options, Domain& domain);
    auto get_executor() { return ws_.get_executor(); }

    void write(std::string message, std::function<void()> done) override;
    void close(CloseCode code, const std::string& reason) override;
    void cut() override { transport().close(); }
    void authenticated() override { slot_.authenticated(); }
    std::chrono::seconds write_limit() const override { return std::chrono::seconds(10); }
    std::chrono::seconds silence() const override { return std::chrono::seconds(45); }

  private:
    void prepare(const std::shared_ptr<Session>& session);
    http::Transport& transport() { return ws_.next_layer(); }

    http::Slot slot_;
    http::Request request_;
    websocket::stream<http::Transport, false> ws_;
    std::string writing_;  // in the air
};

void WebSocketChannel::prepare(const std::shared_ptr<Session>& session) {
    websocket::stream_base::timeout none{};
    none.handshake_timeout = std::chrono::seconds(10);
    none.idle_timeout = websocket::stream_base::none();  // the FSM keeps the heartbeat
    none.keep_alive_pings = false;
    ws_.set_option(none);
    ws_.set_option(websocket::stream_base::decorator([](websocket::response_type& response) {
        response.set(beast_http::field::sec_websocket_protocol, link::kSubprotocol);
    }));
    ws_.read_message_max(link::kMaxMessage);
    ws_.auto_fragment(false);
    ws_.text(true);
    const std::weak_ptr<Session> weak = session;
    ws_.control_callback([weak](websocket::frame_type, boost::beast::string_view) {
        if (const auto one = weak.lock()) one->sign_of_life();
    });
    transport().watch([weak, executor = get_executor(), count = FrameCount(), said = false](const auto& bytes) mutable {
        if (said || !count.saw({static_cast<const std::uint8_t*>(bytes.data()), bytes.size()})) return;
        said = true;
        // Not from within Beast's reading, which goes on until the closing handshake takes its place.
        asio::post(executor, [weak] {
            if (const auto one = weak.lock()) one->fragmented();
        });
    });
    slot_.on_drain([weak] {
        if (const auto one = weak.lock()) one->drain();
    });
}

asio::awaitable<void> WebSocketChannel::run(SessionOptions options, Domain& domain) {
    error_code failed;
    auto token = asio::redirect_error(asio::use_awaitable, failed);
    Peer peer{request_.peer, transport().exported_key(link::kExporterLabel)};
    const auto session =
        std::make_shared<Session>(get_executor(), shared_from_this(), std::move(peer), options, domain);
    prepare(session);
    const auto upgrade = upgrade_request(request_);
    co_await ws_.async_accept(upgrade, token);
    if (failed) co_return;
    session->start();
    boost::beast::flat_buffer buffer;
    while (!failed) {
        co_await session->room();
        co_await ws_.async_read(buffer, token);
        if (failed) break;
        const auto data = buffer.cdata();
        const std::string_view text(static_cast<const char*>(data.data()), data.size());
        if (ws_.got_text())
            session->message(text);
        else
            session->binary();
        buffer.consume(buffer.size());
        if (buffer.capacity() > 64 * 1024) buffer.shrink_to_fit();  // a big message is rare; an idle session is small
    }
    session->gone(failed == websocket::error::message_too_big ? "a message above the limit" : "");
    slot_.on_drain(nullptr);
    transport().close();
}

void WebSocketChannel::write(std::string message, std::function<void()> done) {
    writing_ = std::move(message);
    ws_.async_write(asio::buffer(writing_),
                    [self = shared_from_this(), done = std::move(done)](error_code failed, std::size_t) {
                        self->writing_.clear();
                        if (self->writing_.capacity() > 64 * 1024) self->writing_.shrink_to_fit();
                        if (failed) return self->transport().close();
                        done();
                    });
}

void WebSocketChannel::close(CloseCode code, const std::string& reason) {
    const websocket::close_reason why(static_cast<websocket::close_code>(code), reason);
    ws_.async_close(why, [self = shared_from_this()](error_code) { self->transport().close(); });
}

}  // namespace

void start_websocket_session(http::Upgraded upgraded, SessionOptions options, Domain& domain) {
    auto channel = std::make_shared<WebSocketChannel>(std::move(upgraded));
    auto task = [channel, options, &domain]() -> asio::awaitable<void> { co_await channel->run(options, domain); };
    auto ended = [channel](std::exception_ptr failed) {
        if (failed) spdlog::error("gateway.session_failed");
    };
    asio::co_spawn(channel->get_executor(), std::move(task), std::move(ended));
}

}  // namespace edge::broker::gateway
