#include "broker/http/connection.hpp"

#include <spdlog/spdlog.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "broker/http/problem.hpp"
#include "broker/http/response_text.hpp"
#include "broker/http/text.hpp"
#include "protocol/crypto/keys.hpp"
#include "protocol/ids.hpp"

namespace edge::http {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

constexpr std::size_t kMostPerWrite = 256 * 1024;
constexpr std::size_t kMostDiscarded = 2 * 1024 * 1024;
constexpr const char* kEarlyBytes = "bytes before the upgrade was answered";

std::string date_now() {
    thread_local std::uint64_t second = 0;
    thread_local std::string text;
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    const auto seconds = static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::seconds>(now).count());
    if (seconds != second) {
        second = seconds;
        text = http_date(seconds);
    }
    return text;
}

/// The client's own id, so that it finds its request in our log; otherwise one of ours.
std::string request_id_of(const Request& request) {
    const std::string_view given = request.header("x-request-id");
    if (is_token(given) && given.size() <= 64) return std::string(given);
    Uuid random{};
    fill_random(random);
    return "req_" + to_base32(random);
}

bool asks_for_websocket(const Request& request) {
    return request.method == "GET" && request.header_lists("connection", "upgrade") &&
           request.header_lists("upgrade", "websocket");
}

}  // namespace

Connection::Connection(Transport transport, std::shared_ptr<const Settings> settings, Slot slot, std::string peer,
                       std::uint16_t peer_port)
    : transport_(std::move(transport)),
      settings_(std::move(settings)),
      slot_(std::move(slot)),
      peer_(std::move(peer)),
      peer_port_(peer_port),
      reader_(settings_->requests),
      watchdog_(transport_.get_executor(), [this] { late(); }) {}

asio::awaitable<void> Connection::run() {
    slot_.on_drain([this] { drain(); });
    slot_.on_wanted([this] { return goes_for_another(); });
    error_code failed;
    auto token = asio::redirect_error(asio::use_awaitable, failed);
    watchdog_.expect_within(settings_->deadlines.handshake);
    co_await transport_.async_handshake(token);
    if (failed) {
        spdlog::debug("http.handshake_failed server={} peer={} error=\"{}\"", settings_->name, peer_, failed.message());
        co_return;
    }
    bool goes_on = true;
    while (goes_on) {
        goes_on = co_await receive();
        if (!goes_on) break;
        Request request = reader_.take();
        request.id = request_id_of(request);
        request.peer = peer_;
        request.peer_port = peer_port_;
        request.is_of_known = is_known_;
        Asked asked{request.method, request.path, request.id, request.keeps_alive};
        if (!settings_->upgrade || !asks_for_websocket(request)) {
            goes_on = co_await serve(std::move(request));
            continue;
        }
        auto refusal = settings_->refuse_upgrade(request);
        if (!refusal && reader_.is_drained()) {
            hand_over(std::move(request), settings_->upgrade);
            co_return;
        }
        if (!refusal) refusal = problem_response({Code::bad_request, kEarlyBytes, {}}, request);
        asked.keeps_alive = false;
        goes_on = co_await respond(std::move(*refusal), std::move(asked));
    }
    if (gone_) co_return;
    watchdog_.rest();
    transport_.close();
}

asio::awaitable<bool> Connection::receive() {
    error_code failed;
    auto token = asio::redirect_error(asio::use_awaitable, failed);
    const Deadlines& limits = settings_->deadlines;
    auto state = reader_.state();
    auto known = RequestReader::State::idle;
    if (state == RequestReader::State::idle) {
        if (draining_) co_return false;
        waits();
    }
    reading_ = true;
    watchdog_.expect_within(limit(limits.idle));
    while (state != RequestReader::State::complete && state != RequestReader::State::refused) {
        // A deadline counts from where its phase began; a client that drips does not move it.
        if (state != known)
            watchdog_.expect_within(state == RequestReader::State::body ? limit(limits.body) : limits.head);
        known = state;
        if (state == RequestReader::State::body && reader_.take_continue()) {
            std::string go_on = "HTTP/1.1 100 Continue\r\n\r\n";
            if (!co_await write(std::move(go_on))) co_return false;
            watchdog_.expect_within(limit(limits.body));
        }
        const auto buffer = asio::buffer(input_);
        const std::size_t size = co_await transport_.async_read_some(buffer, token);
        if (std::exchange(late_, false)) {
            Refusal slow{408, "request_timeout", "the rest of the request did not come in time"};
            co_await refuse(std::move(slow));
            co_return false;
        }
        if (failed) co_return false;
        if (!busy_) works();
        state = reader_.feed(std::string_view(input_.data(), size));
    }
    reading_ = false;
    if (state == RequestReader::State::complete) co_return true;
    Refusal refusal = reader_.refusal();
    co_await refuse(std::move(refusal));
    co_return false;
}

void Connection::call_handler(Request request, const std::shared_ptr<Answer>& answer) {
    auto exchange = std::make_shared<LiveExchange>(transport_.get_executor(), weak_from_this(), answer,
                                                   settings_->streams, request.path, request.id);
    Response failed = problem_response({Code::internal, "see the broker's log for this request_id", {}}, request);
    const std::string id = request.id;
    try {
        settings_->handler(std::move(request), exchange);
    } catch (const std::exception& e) {
        spdlog::error("http.handler_failed request_id={} error=\"{}\"", id, e.what());
        exchange->reply(std::move(failed));
    }
}

asio::awaitable<bool> Connection::serve(Request request) {
    error_code ignored;  // the wait ends by being cancelled
    auto token = asio::redirect_error(asio::use_awaitable, ignored);
    const auto began = std::chrono::steady_clock::now();
    Asked asked{request.method, request.path, request.id, request.keeps_alive};
    Request asked_as;  // what an upgrade needs of it
    if (asks_for_websocket(request)) asked_as = request;
    watchdog_.rest();
    auto answer = std::make_shared<Answer>(transport_.get_executor());
    call_handler(std::move(request), answer);
    while (!answer->is_there()) co_await answer->wake.async_wait(token);
    if (answer->upgrade) {
        answer->end();
        if (reader_.is_drained()) {
            hand_over(std::move(asked_as), answer->upgrade);
            co_return false;
        }
        Response early = problem_response({Code::bad_request, kEarlyBytes, {}}, asked.path, asked.id);
        asked.keeps_alive = false;
        co_return co_await respond(std::move(early), std::move(asked));
    }
    const auto took = std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - began);
    bool goes_on = false;
    if (answer->stream) {
        spdlog::debug("http.stream server={} method={} path=\"{}\" request_id={} peer={}", settings_->name,
                      asked.method, asked.path, asked.id, peer_);
        auto stream = answer->stream;
        goes_on = co_await send_stream(std::move(stream), std::move(asked));
    } else {
        spdlog::debug("http.request server={} method={} path=\"{}\" status={} us={} request_id={} peer={}",
                      settings_->name, asked.method, asked.path, answer->response->status, took.count(), asked.id,
                      peer_);
        goes_on = co_await respond(std::move(*answer->response), std::move(asked));
    }
    answer->end();
    co_return goes_on;
}

asio::awaitable<bool> Connection::respond(Response response, Asked asked) {
    const std::string date = date_now();
    Envelope envelope{asked.id, date};
    envelope.keep_alive = asked.keeps_alive && !draining_;
    envelope.body = asked.method == "HEAD" ? Body::withheld : Body::sent;
    auto text = head_text(response, envelope);
    if (!text) {
        spdlog::error("http.bad_response path=\"{}\" request_id={} error=\"{}\"", asked.path, asked.id,
                      text.error().message());
        response =
            problem_response({Code::internal, "see the broker's log for this request_id", {}}, asked.path, asked.id);
        text = head_text(response, envelope);
    }
    const bool written = co_await write(std::move(text.value()));
    if (!written || envelope.keep_alive) co_return written;
    co_await linger();
    co_return false;
}

asio::awaitable<void> Connection::refuse(Refusal refusal) {
    Problem problem{kind_named(refusal.code).code, std::move(refusal.detail)};
    const Request nameless;
    Asked asked{"", "", request_id_of(nameless), false};
    spdlog::debug("http.refused server={} peer={} status={} detail=\"{}\" request_id={}", settings_->name, peer_,
                  refusal.status, problem.detail, asked.id);
    Response response = problem_response(problem, "", asked.id);
    co_await respond(std::move(response), std::move(asked));
}

asio::awaitable<bool> Connection::write(std::string text) {
    error_code failed;
    auto token = asio::redirect_error(asio::use_awaitable, failed);
    std::size_t done = 0;
    while (done < text.size() && !failed) {
        watchdog_.expect_within(settings_->deadlines.write);
        const asio::const_buffer rest = asio::buffer(text.data() + done, text.size() - done);
        done += co_await transport_.async_write_some(rest, token);
    }
    watchdog_.rest();
    co_return !failed;
}

asio::awaitable<bool> Connection::send_stream(std::shared_ptr<QueuedStream> stream, Asked asked) {
    error_code ignored;
    auto token = asio::redirect_error(asio::use_awaitable, ignored);
    stream_ = stream;
    const std::string date = date_now();
    Envelope envelope{asked.id, date};
    envelope.framing = Framing::chunked;
    envelope.keep_alive = false;
    auto head = head_text(stream->head(), envelope);
    if (!head)
        spdlog::error("http.bad_response path=\"{}\" request_id={} error=\"{}\"", asked.path, asked.id,
                      head.error().message());
    watch_for_end(stream);
    bool goes_on = head.has_value();
    if (goes_on) goes_on = co_await write(std::move(head.value()));
    while (goes_on && !stream->is_finished()) {
        if (!stream->has_output()) {
            co_await stream->wake().async_wait(token);
            continue;
        }
        std::string chunk = chunk_text(stream->take(kMostPerWrite));
        goes_on = co_await write(std::move(chunk));
    }
    std::string last(kLastChunk);
    if (goes_on && !stream->is_gone()) goes_on = co_await write(std::move(last));
    const bool linger_for_client = goes_on && !stream->is_gone();
    stream->ended();
    stream_.reset();
    if (!linger_for_client) co_return false;
    watchdog_.expect_within(settings_->deadlines.linger);
    co_await transport_.async_shutdown(token);
    co_return false;
}

/// A client that has begun a request is told; everybody else who is late is cut off.
void Connection::late() {
    if (!reading_ || reader_.state() == RequestReader::State::idle) return transport_.close();
    late_ = true;
    reading_ = false;
    transport_.cancel();
}

/// A client of a stream sends nothing more: whatever comes, an end or bytes, ends it.
void Connection::watch_for_end(std::shared_ptr<QueuedStream> stream) {
    const auto buffer = asio::buffer(input_);
    transport_.async_read_some(buffer, [self = shared_from_this(), stream = std::move(stream)](
                                           error_code, std::size_t) { stream->client_gone(); });
}

/// Closing at once could take back, by a reset, an answer that the client has not read.
asio::awaitable<void> Connection::linger() {
    error_code failed;
    auto token = asio::redirect_error(asio::use_awaitable, failed);
    watchdog_.expect_within(settings_->deadlines.linger);
    transport_.end_sending();
    const auto buffer = asio::buffer(input_);
    std::size_t discarded = 0;
    while (!failed && discarded < kMostDiscarded) discarded += co_await transport_.async_read_some(buffer, token);
}

std::chrono::milliseconds Connection::limit(std::chrono::milliseconds of_unknown) const {
    return is_known_ ? settings_->deadlines.of_known.value_or(of_unknown) : of_unknown;
}

void Connection::waits() {
    busy_ = false;
    slot_.waits();
}

void Connection::works() {
    busy_ = true;
    slot_.works();
}

bool Connection::goes_for_another() {
    if (busy_) return false;
    transport_.close();
    return true;
}

void Connection::hand_over(Request request, const std::function<void(Upgraded&)>& take) {
    watchdog_.rest();
    slot_.on_drain(nullptr);
    slot_.on_wanted(nullptr);
    gone_ = true;
    Upgraded upgraded{std::move(transport_), std::move(request), std::move(slot_)};
    take(upgraded);
}

void Connection::authenticated() {
    is_known_ = true;
    slot_.authenticated();
    if (!stream_) draining_ = false;  // as in drain(), which came a moment before
}

void Connection::drain() {
    if (is_known_ && !stream_) return;  // it has more to say, and its handler knows when that is over
    draining_ = true;
    if (stream_) {
        stream_->ended();
        stream_->wake().cancel();
    } else if (!busy_) {
        transport_.close();
    }
}

void start_connection(const asio::any_io_executor& executor, std::shared_ptr<Connection> connection) {
    auto task = [connection]() -> asio::awaitable<void> { co_await connection->run(); };
    auto ended = [connection](std::exception_ptr failed) {
        // Nothing in it throws for what a client does; memory may run out. The connection goes, the server stays.
        if (failed) spdlog::error("http.connection_failed");
    };
    asio::co_spawn(executor, std::move(task), std::move(ended));
}

}  // namespace edge::http
