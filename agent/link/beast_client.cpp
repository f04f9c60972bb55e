// The agent's one file that includes Beast: it costs half a minute to compile.
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/buffers_to_string.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/websocket.hpp>
#include <boost/beast/websocket/ssl.hpp>

#include "agent/link/dial.hpp"
#include "agent/link/https_connection.hpp"
#include "agent/link/pinned_tls.hpp"
#include "agent/link/refusal.hpp"
#include "agent/link/websocket_connection.hpp"

namespace edge::agent {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
namespace websocket = beast::websocket;
using boost::system::error_code;
using TlsStream = asio::ssl::stream<Carrier>;

constexpr auto kToken = asio::as_tuple(asio::use_awaitable);
constexpr std::chrono::seconds kUpgrade{10};
constexpr std::chrono::seconds kSilence{60};  // beyond the heartbeat's own 45 s
constexpr std::chrono::seconds kClosing{2};
constexpr const char* kUserAgent = "edge-agent/" EDGE_VERSION;
constexpr std::size_t kKeptBuffer = 64 * 1024;

/// The way there, and TLS. Errors: as https_post says, before anything of ours was sent. `stream`, `tls` and `met`
/// outlive it.
asio::awaitable<Result<>> secure(TlsStream& stream, Endpoint broker, Route route, const PinnedTls& tls, Met& met) {
    Carrier& carrier = stream.next_layer();
    const auto each_step = route.each_step;
    const auto dialled = co_await dial(carrier, broker, std::move(route), met);
    if (!dialled) co_return Error{dialled.error().code, broker.authority(), dialled.error().detail};
    prepare_handshake(stream.native_handle(), broker.host);
    carrier.expires_after(each_step);
    const auto [broken] = co_await stream.async_handshake(asio::ssl::stream_base::client, kToken);
    met.no_answer = broken && (carrier.expired() || is_silence(broken));
    if (broken && tls.saw_other_key())
        co_return Error{Errc::denied, broker.authority(), "the broker has another key than the pinned one"};
    if (broken)
        co_return Error{Errc::unavailable, broker.authority(),
                        "TLS: " + (carrier.expired() ? "no answer" : broken.message())};
    co_return ok();
}

}  // namespace

// ── the link ──

struct WebSocketConnection::Open : std::enable_shared_from_this<Open> {
    Open(asio::io_context& io, Endpoint to, Route by, Listener& who)
        : endpoint(std::move(to)),
          route(std::move(by)),
          tls(endpoint.pin, endpoint.next_pin),
          socket(Carrier(io.get_executor()), tls.context()),
          closing(io),
          listener(&who) {}

    asio::awaitable<Closed> run(std::shared_ptr<Open> self) {
        const auto secured =
            co_await secure(self->socket.next_layer(), self->endpoint, self->route, self->tls, self->met);
        if (self->listener && !self->met.addresses.empty()) self->listener->connection_resolved(self->met.addresses);
        if (!secured) co_return Closed{.reason = secured.error().detail, .uplink_failed = self->met.no_answer};
        if (self->left) co_return Closed{"left while dialling"};
        const Closed refused = co_await upgrade(self);
        if (!refused.reason.empty()) co_return refused;
        const std::string binding = export_binding(self->socket.next_layer().native_handle());
        if (binding.empty()) co_return Closed{"TLS: no exporter"};
        if (self->listener) self->listener->connection_opened(binding);
        beast::flat_buffer buffer;
        while (self->listener) {
            const auto [ended, size] = co_await self->socket.async_read(buffer, kToken);
            if (ended) co_return Closed{.reason = ending(ended), .uplink_failed = is_silence(ended)};
            if (!self->socket.got_text()) co_return Closed{"a binary message"};
            std::string text = beast::buffers_to_string(buffer.data());
            buffer.consume(buffer.size());
            if (buffer.capacity() > kKeptBuffer) buffer.shrink_to_fit();
            if (self->listener) self->listener->connection_message(std::move(text));
        }
        co_return Closed{"left"};
    }

    /// An empty reason: it is a WebSocket now.
    asio::awaitable<Closed> upgrade(std::shared_ptr<Open> self) {
        self->socket.next_layer().next_layer().expires_never();  // from here the WebSocket's own timeouts count
        const websocket::stream_base::timeout timeouts{kUpgrade, kSilence, true};
        self->socket.set_option(timeouts);
        self->socket.set_option(websocket::stream_base::decorator([](websocket::request_type& request) {
            request.set(http::field::sec_websocket_protocol, link::kSubprotocol);
            request.set(http::field::user_agent, kUserAgent);
        }));
        self->socket.read_message_max(link::kMaxMessage);
        self->socket.auto_fragment(false);
        self->socket.text(true);
        websocket::response_type response;
        const std::string host = self->endpoint.authority();
        const std::string path = link::kLinkPath;
        const auto [failed] = co_await self->socket.async_handshake(response, host, path, kToken);
        if (failed == websocket::error::upgrade_declined) {
            const unsigned status = response.result_int();
            co_return Closed{.reason = refusal_text(status),
                             .retry_after = wait_asked(status, response[http::field::retry_after]),
                             .no_websocket = !is_busy(status)};  // else it may well be a WebSocket later
        }
        // Beast tells no status of an answer that it could not read to its end; the next one goes by requests, which
        // do.
        if (failed)
            co_return Closed{.reason = "upgrade: no WebSocket there: " + failed.message(), .no_websocket = true};
        if (response[http::field::sec_websocket_protocol] != link::kSubprotocol)
            co_return Closed{"the broker did not agree to edge.v1"};
        co_return Closed{};
    }

    std::string ending(const error_code& error) const {
        if (error != websocket::error::closed) return error.message();
        const auto& reason = socket.reason();
        std::string text = "closed with " + std::to_string(reason.code);
        if (!reason.reason.empty()) text.append(": ").append(reason.reason.data(), reason.reason.size());
        return text;
    }

    void finish(const Closed& why) {
        closing.cancel();
        drop();
        if (Listener* last = std::exchange(listener, nullptr)) last->connection_closed(why);
    }

    void drop() { socket.next_layer().next_layer().close(); }

    Endpoint endpoint;
    Route route;
    PinnedTls tls;
    websocket::stream<TlsStream> socket;
    asio::steady_timer closing;
    Listener* listener;
    Met met;
    std::string sending;
    bool left = false;
};

WebSocketConnection::WebSocketConnection(asio::io_context& io, Endpoint endpoint, Route route, Listener& listener)
    : open_(std::make_shared<Open>(io, std::move(endpoint), std::move(route), listener)) {}

WebSocketConnection::~WebSocketConnection() {
    open_->listener = nullptr;
    open_->closing.cancel();
    open_->drop();
}

void WebSocketConnection::tell(Listener& listener) {
    if (open_->listener) open_->listener = &listener;
}

void WebSocketConnection::dial() {
    auto session = open_->run(open_);
    asio::co_spawn(open_->socket.get_executor(), std::move(session),
                   [open = open_](const std::exception_ptr& thrown, const Closed& why) {
                       open->finish(thrown ? Closed{"an exception from a library", {}} : why);
                   });
}

void WebSocketConnection::write(std::string message) {
    open_->sending = std::move(message);
    open_->socket.async_write(asio::buffer(open_->sending), [open = open_](const error_code& error, std::size_t) {
        // A write that failed ends the reading too, which says why.
        if (!error && open->listener) open->listener->connection_writable();
    });
}

void WebSocketConnection::close(std::uint16_t code, const std::string& reason) {
    if (std::exchange(open_->left, true)) return;
    open_->closing.expires_after(kClosing);
    open_->closing.async_wait([open = open_](const error_code& error) {
        if (!error) open->finish(Closed{"left"});
    });
    if (!open_->socket.is_open()) return open_->drop();  // still dialling
    const websocket::close_reason why(static_cast<websocket::close_code>(code), reason.substr(0, 120));
    open_->socket.async_close(why, [open = open_](const error_code&) { open->drop(); });
}

void WebSocketConnection::cut() {
    open_->left = true;
    open_->drop();
    // What is being resolved goes on, and nobody waits for it.
    asio::post(open_->socket.get_executor(), [open = open_] { open->finish(Closed{"cut"}); });
}

// ── requests ──

struct HttpsConnection::Stream {
    Stream(const asio::any_io_executor& executor, const Endpoint& endpoint)
        : tls(endpoint.pin, endpoint.next_pin), socket(Carrier(executor), tls.context()) {}

    PinnedTls tls;
    TlsStream socket;
    beast::flat_buffer buffer;
    bool open = false;
};

HttpsConnection::HttpsConnection(asio::any_io_executor executor, Endpoint endpoint, Route route)
    : executor_(std::move(executor)), endpoint_(std::move(endpoint)), route_(std::move(route)) {}

HttpsConnection::~HttpsConnection() {
    close();
}

bool HttpsConnection::is_open() const {
    return stream_ && stream_->open;
}

std::string HttpsConnection::binding() const {
    return is_open() ? export_binding(stream_->socket.native_handle()) : std::string{};
}

void HttpsConnection::close() {
    if (!stream_) return;
    stream_->open = false;
    stream_->socket.next_layer().close();
}

asio::awaitable<Result<>> HttpsConnection::open() {
    close();
    const auto stream = std::make_shared<Stream>(executor_, endpoint_);
    stream_ = stream;
    met_ = {};
    const auto secured = co_await secure(stream->socket, endpoint_, route_, stream->tls, met_);
    if (secured) stream->open = true;
    co_return secured;
}

asio::awaitable<Result<HttpAnswer>> HttpsConnection::ask(HttpRequest request, std::chrono::seconds within,
                                                         std::size_t most_bytes) {
    const auto stream = stream_;
    const Error lost{Errc::io, endpoint_.authority(), "no answer"};
    if (!stream || !stream->open) co_return lost;
    http::request<http::string_body> message(http::string_to_verb(request.method), request.path, 11);
    message.set(http::field::host, endpoint_.authority());
    message.set(http::field::user_agent, kUserAgent);
    for (const auto& [name, value] : request.headers) message.set(name, value);
    message.body() = std::move(request.body);
    message.prepare_payload();
    Carrier& carrier = stream->socket.next_layer();
    carrier.expires_after(within);
    http::response_parser<http::string_body> parser;
    parser.body_limit(most_bytes);
    const auto [unsent, sent] = co_await http::async_write(stream->socket, message, kToken);
    error_code failed = unsent;
    if (!failed) {
        const auto [unread, read] = co_await http::async_read(stream->socket, stream->buffer, parser, kToken);
        failed = unread;
    }
    carrier.expires_never();
    if (failed || !parser.keep_alive()) {
        stream->open = false;
        carrier.close();
    }
    if (failed && !parser.is_header_done()) co_return lost;
    if (stream->buffer.capacity() > kKeptBuffer) stream->buffer.shrink_to_fit();
    using End = HttpAnswer::End;
    HttpAnswer answer{.status = parser.get().result_int(),
                      .end = !failed                             ? End::whole
                             : failed == http::error::body_limit ? End::too_large
                                                                 : End::cut};
    if (answer.end == End::whole) answer.body = std::move(parser.get().body());
    for (const auto& field : parser.get()) answer.headers.emplace_back(field.name_string(), field.value());
    co_return answer;
}

std::string_view HttpAnswer::header(std::string_view name) const {
    for (const auto& [its, value] : headers) {
        if (beast::iequals(its, name)) return value;
    }
    return {};
}

std::chrono::milliseconds HttpAnswer::retry_after() const {
    return wait_asked(status, header("Retry-After"));
}

}  // namespace edge::agent
