#include "broker/gateway/session.hpp"

#include <spdlog/spdlog.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/websocket.hpp>

#include "broker/gateway/backlog.hpp"
#include "broker/gateway/outbox.hpp"
#include "broker/gateway/session_fsm.hpp"
#include "broker/http/text.hpp"
#include "broker/http/websocket_end.hpp"
#include "protocol/crypto/keys.hpp"
#include "protocol/json/described.hpp"

namespace edge::broker::gateway {

namespace asio = boost::asio;
namespace websocket = boost::beast::websocket;
namespace beast_http = boost::beast::http;
using boost::system::error_code;

namespace {

constexpr std::chrono::seconds kWriteLimit{10};
constexpr std::chrono::seconds kCloseLimit{2};

Now now() {
    const auto wall = std::chrono::system_clock::now().time_since_epoch();
    return {std::chrono::steady_clock::now(),
            static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(wall).count())};
}

SessionTerms terms_of(http::Transport& transport, const SessionOptions& options) {
    SessionTerms terms;
    terms.nonce.resize(32);
    fill_random({reinterpret_cast<std::uint8_t*>(terms.nonce.data()), terms.nonce.size()});
    terms.exporter = transport.exported_key(link::kExporterLabel);
    terms.binding = transport.is_tls() ? link::Binding::tls_exporter : link::Binding::none;
    terms.limits = options.limits;
    terms.handshake = options.handshake;
    std::array<std::uint8_t, 4> seed{};
    fill_random(seed);
    for (const std::uint8_t byte : seed) terms.seed = terms.seed << 8 | byte;
    return terms;
}

/// Beast's own view of the request, from ours: its head was checked and parsed before.
beast_http::request<beast_http::empty_body> upgrade_request(const http::Request& request) {
    beast_http::request<beast_http::empty_body> upgrade{beast_http::verb::get, request.path, 11};
    for (const auto& [name, value] : request.headers) upgrade.insert(name, value);
    return upgrade;
}

}  // namespace

/// Owns: the socket. Executor: its I/O thread. Cancel: closing the transport; the read then fails and run() returns.
/// Owners: its coroutine and pending handlers; the domain reaches it through Mailbox, weakly.
class Session final : public std::enable_shared_from_this<Session> {
  public:
    Session(http::Upgraded upgraded, SessionOptions options, Domain& domain)
        : options_(options),
          domain_(domain),
          slot_(std::move(upgraded.slot)),
          request_(std::move(upgraded.request)),
          fsm_(terms_of(upgraded.transport, options)),
          ws_(std::move(upgraded.transport)),
          timer_(ws_.get_executor()),
          backlog_(std::make_shared<Backlog>(ws_.get_executor())) {}

    asio::awaitable<void> run();
    void send(std::vector<link::Envelope> envelopes);
    void go_away(link::Goaway why) { apply(fsm_.go_away(now(), std::move(why))); }
    auto get_executor() { return ws_.get_executor(); }

  private:
    class Mailbox;

    void prepare();
    void apply(Actions actions);
    void carry_out(action::Send& send);
    void carry_out(action::FindKey& find);
    void carry_out(action::AskToJoin& ask);
    void carry_out(action::Confirm& confirm) { domain_.confirm(confirm.session, std::move(confirm.ack)); }
    void carry_out(action::Live& live);
    void carry_out(action::Deliver& deliver) {
        domain_.receive(deliver.session, std::move(deliver.envelopes), backlog_->add());
    }
    void carry_out(action::Measured& measured) {
        domain_.measured(measured.session, measured.rtt_us, measured.clock_offset_us);
    }
    void carry_out(action::Leave& leave) { domain_.leave(leave.session); }
    void carry_out(action::Close& close);
    void carry_out(action::Cut& cut);
    void flush();
    void close_now();
    void arm();
    void fired();
    http::Transport& transport() { return ws_.next_layer(); }

    SessionOptions options_;
    Domain& domain_;
    http::Slot slot_;
    http::Request request_;
    SessionFsm fsm_;
    websocket::stream<http::Transport, false> ws_;
    asio::steady_timer timer_;
    std::optional<std::chrono::steady_clock::time_point> armed_for_;
    std::shared_ptr<Backlog> backlog_;  // owners: this and the messages in the domain's mailbox
    Outbox outbox_;
    std::string writing_;  // in the air; empty: nothing
    std::chrono::steady_clock::time_point writing_since_;
    std::optional<action::Close> closing_;
    std::optional<std::chrono::steady_clock::time_point> close_by_;
    std::string ended_because_ = "the agent left";
    std::string session_text_ = "-";
};

/// The domain's way to a session: posts to its thread; a session that is gone is no trouble.
class Session::Mailbox final : public SessionSink {
  public:
    explicit Mailbox(const std::shared_ptr<Session>& session) : executor_(session->get_executor()), session_(session) {}

    void send(std::vector<link::Envelope> envelopes) override {
        asio::post(executor_, [session = session_, envelopes = std::move(envelopes)]() mutable {
            if (const auto self = session.lock()) self->send(std::move(envelopes));
        });
    }
    void close(link::Goaway why) override {
        asio::post(executor_, [session = session_, why] {
            if (const auto self = session.lock()) self->go_away(why);
        });
    }

  private:
    asio::any_io_executor executor_;
    std::weak_ptr<Session> session_;
};

void Session::prepare() {
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
    ws_.control_callback([this](websocket::frame_type, boost::beast::string_view) { fsm_.sign_of_life(now()); });
    slot_.on_drain([this] {
        go_away({link::GoawayReason::maintenance, options_.drain_ms, options_.reconnect_window_ms});
    });
}

asio::awaitable<void> Session::run() {
    error_code failed;
    auto token = asio::redirect_error(asio::use_awaitable, failed);
    prepare();
    const auto upgrade = upgrade_request(request_);
    co_await ws_.async_accept(upgrade, token);
    if (failed) co_return;
    apply(fsm_.start(now()));
    boost::beast::flat_buffer buffer;
    while (!failed) {
        co_await backlog_->room();
        co_await ws_.async_read(buffer, token);
        if (failed) break;
        const auto data = buffer.cdata();
        const std::string_view text(static_cast<const char*>(data.data()), data.size());
        apply(ws_.got_text() ? fsm_.message(now(), text) : fsm_.binary(now()));
        buffer.consume(buffer.size());
        if (buffer.capacity() > 64 * 1024) buffer.shrink_to_fit();  // a big message is rare; an idle session is small
    }
    if (failed == websocket::error::message_too_big) ended_because_ = "a message above the limit";
    apply(fsm_.gone());
    timer_.cancel();
    spdlog::info("gateway.session_ended node={} session={} peer={} reason=\"{}\" unknown={}", fsm_.node().text(),
                 session_text_, request_.peer, http::for_log(ended_because_), fsm_.unknown_envelopes());
    transport().close();
}

void Session::apply(Actions actions) {
    for (auto& action : actions) std::visit([this](auto& one) { carry_out(one); }, action);
    flush();
    arm();
}

void Session::send(std::vector<link::Envelope> envelopes) {
    if (fsm_.is_closed()) return;
    fsm_.sent(now());
    for (auto& envelope : envelopes) {
        if (!outbox_.push(envelope))
            return apply(fsm_.cut("slow consumer: " + std::to_string(outbox_.bytes()) + " bytes wait"));
    }
    flush();
    arm();
}

void Session::carry_out(action::Send& send) {
    if (!outbox_.push(send.envelope)) {
        ended_because_ = "slow consumer";
        return transport().close();
    }
    if (const auto* refusal = std::get_if<link::Reject>(&send.envelope)) {
        spdlog::warn("gateway.rejected node={} peer={} code={} detail=\"{}\"", fsm_.node().text(), request_.peer,
                     enum_text(refusal->code), http::for_log(refusal->text));
    }
    if (const auto* error = std::get_if<link::ProtocolError>(&send.envelope)) {
        spdlog::warn("gateway.protocol_error node={} session={} code={} detail=\"{}\"", fsm_.node().text(),
                     session_text_, error->code, http::for_log(error->text));
    }
}

void Session::carry_out(action::FindKey& find) {
    domain_.find_key(find.node, [self = shared_from_this()](Result<NodeKey> key) {
        asio::post(self->get_executor(),
                   [self, key = std::move(key)]() mutable { self->apply(self->fsm_.key(now(), std::move(key))); });
    });
}

void Session::carry_out(action::AskToJoin& ask) {
    Join join{std::move(ask.hello), ask.key, request_.peer, std::make_shared<Mailbox>(shared_from_this())};
    domain_.join(std::move(join), [self = shared_from_this()](std::variant<link::Welcome, link::Reject> answer) {
        asio::post(self->get_executor(), [self, answer = std::move(answer)]() mutable {
            self->apply(self->fsm_.joined(now(), std::move(answer)));
        });
    });
}

void Session::carry_out(action::Live& live) {
    slot_.authenticated();
    session_text_ = live.session.text();
    spdlog::info("gateway.session_live node={} session={} peer={}", live.node.text(), session_text_, request_.peer);
}

void Session::carry_out(action::Close& close) {
    ended_because_ = close.reason;
    closing_ = std::move(close);
    close_by_ = std::chrono::steady_clock::now() + kCloseLimit;
}

void Session::carry_out(action::Cut& cut) {
    ended_because_ = std::move(cut.reason);
    transport().close();
}

/// One message in the air at a time; what is pushed meanwhile goes together into the next.
void Session::flush() {
    if (!writing_.empty()) return;
    if (outbox_.is_empty()) return close_now();
    writing_ = outbox_.take();
    writing_since_ = std::chrono::steady_clock::now();
    ws_.async_write(asio::buffer(writing_), [self = shared_from_this()](error_code failed, std::size_t) {
        self->writing_.clear();
        if (self->writing_.capacity() > 64 * 1024) self->writing_.shrink_to_fit();
        if (failed) return self->transport().close();
        self->flush();
        self->arm();
    });
}

void Session::close_now() {
    if (!closing_) return;
    const websocket::close_reason reason(static_cast<websocket::close_code>(closing_->code),
                                         closing_->reason.substr(0, 120));
    closing_.reset();
    ws_.async_close(reason, [self = shared_from_this()](error_code) { self->transport().close(); });
}

void Session::arm() {
    auto due = fsm_.deadline();
    const auto sooner = [&due](std::chrono::steady_clock::time_point other) {
        due = due ? std::min(*due, other) : other;
    };
    if (!writing_.empty()) sooner(writing_since_ + kWriteLimit);
    if (close_by_) sooner(*close_by_);
    if (!due || (armed_for_ && *armed_for_ <= *due)) return;  // an armed timer that is early looks again
    armed_for_ = due;
    timer_.expires_at(*due);
    timer_.async_wait([weak = weak_from_this()](error_code failed) {
        if (const auto self = weak.lock(); self && !failed) self->fired();
    });
}

void Session::fired() {
    armed_for_.reset();
    const auto at = now();
    if (close_by_ && at.steady >= *close_by_) return transport().close();
    if (!writing_.empty() && at.steady >= writing_since_ + kWriteLimit)
        return apply(fsm_.cut("slow consumer: nothing read for 10 s"));
    apply(fsm_.timer(at));
}

void start_session(http::Upgraded upgraded, SessionOptions options, Domain& domain) {
    auto session = std::make_shared<Session>(std::move(upgraded), options, domain);
    auto task = [session]() -> asio::awaitable<void> { co_await session->run(); };
    auto ended = [session](std::exception_ptr failed) {
        if (failed) spdlog::error("gateway.session_failed");
    };
    asio::co_spawn(session->get_executor(), std::move(task), std::move(ended));
}

}  // namespace edge::broker::gateway
