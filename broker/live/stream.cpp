#include "broker/live/stream.hpp"

#include <spdlog/spdlog.h>

#include <array>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <set>

#include "broker/http/text.hpp"
#include "broker/http/websocket.hpp"
#include "broker/live/hub.hpp"
#include "broker/live/outbox.hpp"
#include "protocol/codings.hpp"
#include "protocol/crypto/keys.hpp"

namespace edge::broker::live {

namespace asio = boost::asio;

namespace {

constexpr std::size_t kMostSubscriptions = 64;

template <class Clock>
std::uint64_t microseconds() {
    const auto now = Clock::now().time_since_epoch();
    return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(now).count());
}

class AsioTurns final : public Turns {
  public:
    explicit AsioTurns(asio::any_io_executor executor) : executor_(std::move(executor)) {}
    void post(std::function<void()> work) override { asio::post(executor_, std::move(work)); }
    void after(std::uint32_t ms, std::function<void()> work) override {
        auto timer = std::make_shared<asio::steady_timer>(executor_, std::chrono::milliseconds(ms));
        timer->async_wait([timer, work = std::move(work)](boost::system::error_code failed) {
            if (!failed) work();
        });
    }
    std::uint64_t monotonic_us() const override { return microseconds<std::chrono::steady_clock>(); }
    std::uint64_t wall_us() const override { return microseconds<std::chrono::system_clock>(); }

  private:
    asio::any_io_executor executor_;
};

/// One browser. Executor: its connection's thread; deliver() from the hub's.
class StreamSession final : public StreamSink,
                            public http::WebSocketOwner,
                            public std::enable_shared_from_this<StreamSession> {
  public:
    StreamSession(std::weak_ptr<Hub> hub, std::string peer, Reader reader)
        : hub_(std::move(hub)), peer_(std::move(peer)), reader_(reader) {}
    void open(http::Upgraded&& upgraded) {
        const auto socket =
            http::open_websocket(std::move(upgraded), {kStreamProtocol, kMostClientMessage}, shared_from_this());
        executor_ = socket->executor();
        socket_ = socket;
    }

    void deliver(std::vector<Delivery> deliveries) override {
        asio::post(executor_, [self = shared_from_this(), deliveries = std::move(deliveries)]() mutable {
            self->take(std::move(deliveries));
        });
    }

    void opened() override {
        spdlog::info("stream.opened peer={}", peer_);
        if (const auto hub = hub_.lock()) hub->attach(shared_from_this());
    }
    void message(std::string_view text) override;
    std::optional<std::string> next() override { return outbox_.take(); }
    void closed() override {
        spdlog::info("stream.closed peer={} reason=\"{}\"", peer_, reason_);
        if (const auto hub = hub_.lock()) hub->detach(shared_from_this());
        socket_.reset();
    }

  private:
    void take(std::vector<Delivery> deliveries);
    bool put(const delivery::Event& one) { return !subs_.contains(one.sub) || outbox_.push(one.sub, one.event); }
    bool put(const delivery::Message& one) { return outbox_.push(one.text); }
    bool put(const delivery::End& one) { return subs_.erase(one.sub) == 0 || outbox_.end(one.sub); }
    bool put(const delivery::Refused& one) {
        subs_.erase(one.sub);
        return outbox_.push(error_text(one.sub, one.error));
    }
    void refuse(std::optional<std::uint32_t> sub, const Error& error) {
        if (!outbox_.push(error_text(sub, error))) return give_up();
        wake();
    }
    void wake() {
        if (const auto socket = socket_.lock()) socket->wake();
    }
    void give_up() {
        const auto socket = socket_.lock();
        if (!socket) return;
        reason_ = "slow consumer: " + std::to_string(outbox_.bytes()) + " bytes wait";
        socket->close(http::WebSocket::Close::try_again_later, "too much waits to be read");
    }

    std::weak_ptr<Hub> hub_;
    std::string peer_;
    Reader reader_;
    std::weak_ptr<http::WebSocket> socket_;  // which owns this
    asio::any_io_executor executor_;
    Outbox outbox_;
    std::set<std::uint32_t> subs_;
    std::string reason_ = "the client left";
};

void StreamSession::message(std::string_view text) {
    auto asked = decode_client_message(text);
    if (!asked) return refuse({}, asked.error());
    const std::uint32_t sub = asked.value().sub;
    if (asked.value().op == StreamOp::unsubscribe) {
        subs_.erase(sub);
        outbox_.forget(sub);
        if (const auto hub = hub_.lock()) hub->unsubscribe(shared_from_this(), sub);
        return;
    }
    if (subs_.contains(sub)) return refuse(sub, {Errc::conflict, "/sub", "a subscription has this number"});
    if (subs_.size() >= kMostSubscriptions)
        return refuse(sub, {Errc::too_large, "/sub", "a socket has 64 subscriptions at most"});
    if (asked.value().topic == kDeliveriesTopic && reader_ != Reader::administrator)
        return refuse(sub, {Errc::denied, "/topic", "only an administrator's token handles webhooks"});
    subs_.insert(sub);
    if (const auto hub = hub_.lock()) hub->subscribe(shared_from_this(), std::move(asked.value()));
}

void StreamSession::take(std::vector<Delivery> deliveries) {
    for (const auto& one : deliveries) {
        if (!std::visit([this](const auto& delivery) { return put(delivery); }, one)) return give_up();
    }
    wake();
}

class LiveStream final : public Live {
  public:
    explicit LiveStream(std::shared_ptr<Hub> hub) : hub_(std::move(hub)) {}
    void overview(std::function<void(std::string)> reply) override { hub_->overview(std::move(reply)); }
    void open(http::Upgraded&& upgraded, Reader reader) override {
        auto session = std::make_shared<StreamSession>(hub_, upgraded.request.peer, reader);
        session->open(std::move(upgraded));
    }

  private:
    std::shared_ptr<Hub> hub_;  // owners: this
};

}  // namespace

std::shared_ptr<Live> make_live(Domain& domain, asio::any_io_executor executor) {
    std::array<std::uint8_t, 8> name{};
    fill_random(name);
    auto hub = std::make_shared<Hub>(domain, std::make_unique<AsioTurns>(std::move(executor)), to_hex(name));
    hub->start();
    return std::make_shared<LiveStream>(std::move(hub));
}

}  // namespace edge::broker::live
