#include "broker/gateway/session.hpp"

#include <spdlog/spdlog.h>

#include <boost/asio/post.hpp>
#include <utility>

#include "broker/http/text.hpp"
#include "protocol/crypto/keys.hpp"
#include "protocol/json/described.hpp"

namespace edge::broker::gateway {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

constexpr std::chrono::seconds kCloseLimit{2};
// Timers go off in steps: to wake up for thousands of sessions one by one costs more than all their heartbeats.
using Step = std::chrono::duration<std::int64_t, std::ratio<1, 50>>;

Now now() {
    const auto wall = std::chrono::system_clock::now().time_since_epoch();
    return {std::chrono::steady_clock::now(),
            static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(wall).count())};
}

SessionTerms terms_of(const Peer& peer, const Channel& channel, const SessionOptions& options) {
    SessionTerms terms;
    terms.nonce.resize(32);
    fill_random({reinterpret_cast<std::uint8_t*>(terms.nonce.data()), terms.nonce.size()});
    terms.exporter = peer.exporter;
    terms.binding = peer.exporter.empty() ? link::Binding::none : link::Binding::tls_exporter;
    terms.limits = options.limits;
    terms.handshake = options.handshake;
    terms.silence = channel.silence();
    std::array<std::uint8_t, 4> seed{};
    fill_random(seed);
    for (const std::uint8_t byte : seed) terms.seed = terms.seed << 8 | byte;
    return terms;
}

}  // namespace

/// The domain's way to a session: posts to its thread; a session that is gone is no trouble.
class Session::Mailbox final : public SessionSink {
  public:
    explicit Mailbox(const std::shared_ptr<Session>& session) : executor_(session->executor_), session_(session) {}

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

Session::Session(asio::any_io_executor executor, std::shared_ptr<Channel> channel, Peer peer, SessionOptions options,
                 Domain& domain)
    : executor_(std::move(executor)),
      channel_(std::move(channel)),
      peer_(std::move(peer.address)),
      options_(options),
      domain_(domain),
      fsm_(terms_of(peer, *channel_, options)),
      timer_(executor_),
      backlog_(std::make_shared<Backlog>(executor_)) {}

void Session::start() {
    apply(fsm_.start(now()));
}

void Session::message(std::string_view text) {
    apply(fsm_.message(now(), text));
}

void Session::binary() {
    apply(fsm_.binary(now()));
}

void Session::fragmented() {
    apply(fsm_.fragmented());
}

void Session::sign_of_life() {
    fsm_.sign_of_life(now());
}

void Session::drain() {
    link::Goaway why{link::GoawayReason::maintenance, options_.drain_ms, options_.reconnect_window_ms};
    if (!options_.alternative.empty()) why.alternative = options_.alternative;
    go_away(std::move(why));
}

void Session::go_away(link::Goaway why) {
    apply(fsm_.go_away(now(), std::move(why)));
}

void Session::gone(std::string why) {
    if (!channel_) return;
    if (!why.empty()) ended_because_ = std::move(why);
    channel_.reset();
    apply(fsm_.gone());
    timer_.cancel();
    // Who said nothing at all is not worth a line.
    const bool is_known = !fsm_.node().is_nil();
    spdlog::log(is_known ? spdlog::level::info : spdlog::level::debug,
                "gateway.session_ended node={} session={} peer={} reason=\"{}\" unknown={}", fsm_.node().text(),
                session_text_, peer_, http::for_log(ended_because_), fsm_.unknown_envelopes());
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
        return cut_now();
    }
    if (const auto* refusal = std::get_if<link::Reject>(&send.envelope)) {
        spdlog::warn("gateway.rejected node={} peer={} code={} detail=\"{}\"", fsm_.node().text(), peer_,
                     enum_text(refusal->code), http::for_log(refusal->text));
    }
    if (const auto* error = std::get_if<link::ProtocolError>(&send.envelope)) {
        spdlog::warn("gateway.protocol_error node={} session={} code={} detail=\"{}\"", fsm_.node().text(),
                     session_text_, error->code, http::for_log(error->text));
    }
}

void Session::carry_out(action::FindKey& find) {
    domain_.find_key(find.node, [self = shared_from_this()](Result<NodeKey> key) {
        asio::post(self->executor_,
                   [self, key = std::move(key)]() mutable { self->apply(self->fsm_.key(now(), std::move(key))); });
    });
}

void Session::carry_out(action::AskToJoin& ask) {
    Join join{std::move(ask.hello), ask.key, peer_, std::make_shared<Mailbox>(shared_from_this())};
    domain_.join(std::move(join), [self = shared_from_this()](std::variant<link::Welcome, link::Reject> answer) {
        asio::post(self->executor_, [self, answer = std::move(answer)]() mutable {
            self->apply(self->fsm_.joined(now(), std::move(answer)));
        });
    });
}

void Session::carry_out(action::Live& live) {
    if (channel_) channel_->authenticated();
    session_text_ = live.session.text();
    spdlog::info("gateway.session_live node={} session={} peer={}", live.node.text(), session_text_, peer_);
}

void Session::carry_out(action::Close& close) {
    ended_because_ = close.reason;
    closing_ = std::move(close);
    close_by_ = std::chrono::steady_clock::now() + kCloseLimit;
}

void Session::carry_out(action::Cut& cut) {
    ended_because_ = std::move(cut.reason);
    cut_now();
}

/// One message in the air at a time; what is pushed meanwhile goes together into the next.
void Session::flush() {
    if (writing_since_ || !channel_) return;
    if (outbox_.is_empty()) return close_now();
    writing_since_ = std::chrono::steady_clock::now();
    channel_->write(outbox_.take(), [self = shared_from_this()] {
        self->writing_since_.reset();
        self->flush();
        self->arm();
    });
}

void Session::close_now() {
    if (!closing_) return;
    const action::Close how = *std::exchange(closing_, std::nullopt);
    channel_->close(how.code, how.reason.substr(0, 120));
}

void Session::cut_now() {
    if (channel_) channel_->cut();
}

void Session::arm() {
    if (!channel_) return;
    auto due = fsm_.deadline();
    const auto sooner = [&due](std::chrono::steady_clock::time_point other) {
        due = due ? std::min(*due, other) : other;
    };
    if (writing_since_) sooner(*writing_since_ + channel_->write_limit());
    if (close_by_) sooner(*close_by_);
    if (!due || (armed_for_ && *armed_for_ <= *due)) return;  // an armed timer that is early looks again
    armed_for_ = due;
    timer_.expires_at(std::chrono::ceil<Step>(*due));
    timer_.async_wait([weak = weak_from_this()](error_code failed) {
        if (const auto self = weak.lock(); self && !failed) self->fired();
    });
}

void Session::fired() {
    armed_for_.reset();
    if (!channel_) return;
    const auto at = now();
    if (close_by_ && at.steady >= *close_by_) return cut_now();
    if (const auto limit = channel_->write_limit(); writing_since_ && at.steady >= *writing_since_ + limit)
        return apply(fsm_.cut("slow consumer: nothing read for " + std::to_string(limit.count()) + " s"));
    apply(fsm_.timer(at));
}

}  // namespace edge::broker::gateway
