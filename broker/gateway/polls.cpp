#include "broker/gateway/polls.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <charconv>
#include <optional>
#include <utility>

#include "broker/gateway/poll_fsm.hpp"
#include "broker/http/problem.hpp"
#include "protocol/crypto/keys.hpp"
#include "protocol/ration.hpp"

namespace edge::broker::gateway {

namespace asio = boost::asio;

namespace {

constexpr const char* kMessageType = "application/x-ndjson";
constexpr std::chrono::seconds kTaken{40};  // a request is held for 20 s, and its connection may be lost without a word
constexpr std::chrono::seconds kSilence{30};  // an agent that lives asks after 20 s at the latest
constexpr std::size_t kMostBeginning = 512;   // sessions of agents that have not shown who they are
constexpr std::size_t kMostOfAnAddress = 64;  // of those
using Exchanges = std::shared_ptr<http::Exchange>;

std::string random_name() {
    std::array<std::uint8_t, 32> bytes{};
    fill_random(bytes);
    return to_hex(bytes);
}

std::optional<std::uint64_t> number_in(std::string_view header) {
    std::uint64_t number = 0;
    const auto [end, failed] = std::from_chars(header.data(), header.data() + header.size(), number);
    if (failed != std::errc() || end != header.data() + header.size()) return {};
    return number;
}

http::Response empty(int status, http::Headers headers = {}) {
    headers.emplace_back("Cache-Control", "no-store");
    return {status, {}, std::move(headers), {}};
}

void refuse(const http::Request& request, http::Exchange& exchange, http::Code code, std::string detail) {
    exchange.reply(http::problem_response({code, std::move(detail), {}}, request));
}

}  // namespace

/// Executor: the session's. Owners: Polls, its session, and what it has posted.
class PollChannel final : public Channel, public std::enable_shared_from_this<PollChannel> {
  public:
    explicit PollChannel(const asio::any_io_executor& executor) : executor_(executor), held_until_(executor) {}

    /// `begun` is called once, when the agent has shown who it is or will not any more; `ended` once, later.
    void begin(std::shared_ptr<Session> session, std::function<void()> begun, std::function<void()> ended) {
        session_ = std::move(session);
        begun_ = std::move(begun);
        ended_ = std::move(ended);
        session_->start();
    }
    void posted(http::Request request, const Exchanges& exchange);
    void asked(const http::Request& request, const Exchanges& exchange);
    void left(http::Exchange& exchange);
    void drain() { session_->drain(); }
    void let_go() {
        session_.reset();
        done_ = nullptr;
        posting_.reset();
        asked_.reset();
        held_.reset();
    }
    /// A few at once: who has shown who it is does not take all the connections there are.
    void comes_over(const http::Request& request, http::Exchange& exchange) {
        if (is_known_ && !request.is_of_known && lifts_.take(std::chrono::steady_clock::now()))
            exchange.authenticated();
    }
    bool is_over() const { return !session_; }

    void write(std::string message, std::function<void()> done) override;
    void close(CloseCode code, const std::string& reason) override;
    void cut() override { end({}); }
    void authenticated() override;
    std::chrono::seconds write_limit() const override { return kTaken; }
    std::chrono::seconds silence() const override { return kSilence; }

  private:
    static asio::awaitable<void> take(std::shared_ptr<PollChannel> self, std::string message);
    void hold(const Exchanges& exchange);
    void give(const std::optional<PollAnswer>& answer, http::Exchange& exchange);
    void give_held(const std::optional<PollAnswer>& answer);
    void end(std::string why);

    asio::any_io_executor executor_;
    PollFsm fsm_;
    std::shared_ptr<Session> session_;  // null: over
    std::function<void()> begun_;
    std::function<void()> ended_;
    std::function<void()> done_;  // of the message in the air
    Exchanges posting_;           // its message waits for room
    Exchanges asked_;             // the last one, answered or not: its connection is the one that asks
    Exchanges held_;
    asio::steady_timer held_until_;
    bool is_known_ = false;
    Ration lifts_{8, std::chrono::seconds(5)};  // of its connections, out of the bounds of those that nobody knows
};

void PollChannel::posted(http::Request request, const Exchanges& exchange) {
    const auto number = number_in(request.header("edge-message"));
    const auto what = number ? fsm_.posted(*number) : PollFsm::Post::wrong_number;
    if (what == PollFsm::Post::wrong_number)
        return refuse(request, *exchange, http::Code::conflict, "Edge-Message is not the number after the last one");
    session_->sign_of_life();
    if (what == PollFsm::Post::seen) return exchange->reply(empty(204));
    // The same message once more: the connection that brought it first is gone, most likely.
    if (const auto before = std::exchange(posting_, exchange))
        return refuse(request, *before, http::Code::conflict, "the same message came once more");
    auto taking = take(shared_from_this(), std::move(request.body));
    asio::co_spawn(executor_, std::move(taking), [](const std::exception_ptr&) {});  // nothing in it throws
}

/// When the domain has room for it; until then the agent has no answer, and says nothing more.
asio::awaitable<void> PollChannel::take(std::shared_ptr<PollChannel> self, std::string message) {
    const auto session = self->session_;
    co_await session->room();
    if (!self->session_) co_return;
    self->fsm_.taken();
    session->message(message);  // may end it, or make the client known: its connection, too, before the answer
    if (self->posting_) std::exchange(self->posting_, nullptr)->reply(empty(204));
}

void PollChannel::asked(const http::Request& request, const Exchanges& exchange) {
    const auto after = number_in(request.header("edge-after"));
    if (!after) return refuse(request, *exchange, http::Code::bad_parameter, "Edge-After is no number");
    session_->sign_of_life();
    asked_ = exchange;
    const auto asked = fsm_.asked(*after);
    if (asked.answer && asked.answer->kind == PollAnswer::Kind::wrong_number)
        return refuse(request, *exchange, http::Code::conflict, "Edge-After is not the number of the last message");
    if (asked.answer)
        give(asked.answer, *exchange);
    else
        hold(exchange);
    if (asked.taken) std::exchange(done_, nullptr)();
}

void PollChannel::hold(const Exchanges& exchange) {
    if (held_) held_->reply(empty(204));  // its connection is gone, most likely
    held_ = exchange;
    held_until_.expires_after(std::chrono::milliseconds(link::kPollHeldMs));
    held_until_.async_wait([weak = weak_from_this()](const boost::system::error_code& canceled) {
        const auto self = weak.lock();
        if (canceled || !self || !self->held_) return;
        self->fsm_.let_go();
        std::exchange(self->held_, nullptr)->reply(empty(204));
    });
}

void PollChannel::give(const std::optional<PollAnswer>& answer, http::Exchange& exchange) {
    if (answer->kind == PollAnswer::Kind::message) {
        http::Response response = empty(200, {{link::kPollMessage, std::to_string(answer->number)}});
        response.content_type = kMessageType;
        response.body = answer->text;
        return exchange.reply(std::move(response));
    }
    http::Response response = empty(200, {{link::kPollClose, std::to_string(static_cast<int>(answer->code))}});
    response.content_type = "text/plain; charset=utf-8";
    response.body = answer->text;
    exchange.reply(std::move(response));
    end({});
}

void PollChannel::give_held(const std::optional<PollAnswer>& answer) {
    if (!answer || !held_) return;
    held_until_.cancel();
    give(answer, *std::exchange(held_, nullptr));
}

void PollChannel::write(std::string message, std::function<void()> done) {
    done_ = std::move(done);
    give_held(fsm_.write(std::move(message)));
}

void PollChannel::close(CloseCode code, const std::string& reason) {
    give_held(fsm_.close(code, reason));
}

void PollChannel::authenticated() {
    is_known_ = true;
    if (begun_) std::exchange(begun_, nullptr)();
    if (asked_) asked_->authenticated();
    if (posting_) posting_->authenticated();
}

void PollChannel::left(http::Exchange& exchange) {
    exchange.reply(empty(204));
    end("the agent left");
}

/// Later: the session may be what calls it.
void PollChannel::end(std::string why) {
    if (!session_) return;
    held_until_.cancel();
    if (held_) std::exchange(held_, nullptr)->reply(empty(204));
    if (posting_) std::exchange(posting_, nullptr)->reply(empty(204));
    if (begun_) std::exchange(begun_, nullptr)();
    asio::post(executor_, [session = std::exchange(session_, nullptr), ended = std::exchange(ended_, nullptr),
                           why = std::move(why), self = shared_from_this()]() mutable {
        session->gone(std::move(why));
        self->done_ = nullptr;
        ended();
    });
}

Polls::Polls(asio::any_io_executor executor, SessionOptions options, Domain& domain)
    : executor_(std::move(executor)), options_(options), domain_(domain) {}

void Polls::let_go() {
    for (const auto& [name, channel] : sessions_) channel->let_go();
    sessions_.clear();
}

void Polls::handle(http::Request request, std::shared_ptr<http::Exchange> exchange) {
    const bool opens = request.header("edge-session").empty();
    std::string exporter = opens ? exchange->exported_key(link::kExporterLabel) : std::string{};
    asio::post(executor_, [self = shared_from_this(), request = std::move(request), exchange = std::move(exchange),
                           exporter = std::move(exporter), opens]() mutable {
        if (opens)
            self->open(request, std::move(exporter), *exchange);
        else
            self->go_on(std::move(request), std::move(exchange));
    });
}

void Polls::open(const http::Request& request, std::string exporter, http::Exchange& exchange) {
    if (request.method != "POST")
        return refuse(request, exchange, http::Code::bad_parameter,
                      "without Edge-Session there is only POST, which opens one");
    if (draining_) return refuse(request, exchange, http::Code::unavailable, "the broker stops");
    const bool is_full = beginning_.size() >= kMostBeginning || beginning_.count(request.peer) >= kMostOfAnAddress;
    if (is_full) return refuse(request, exchange, http::Code::unavailable, "too many sessions begin; try again");
    const std::string name = random_name();
    const auto channel = std::make_shared<PollChannel>(executor_);
    sessions_.emplace(name, channel);
    auto session =
        std::make_shared<Session>(executor_, channel, Peer{request.peer, std::move(exporter)}, options_, domain_);
    const auto weak = weak_from_this();
    channel->begin(
        std::move(session),
        [weak, begins = beginning_.insert(request.peer)] {
            if (const auto self = weak.lock()) self->beginning_.erase(begins);
        },
        [weak, name] {
            if (const auto self = weak.lock()) self->sessions_.erase(name);
        });
    exchange.reply(empty(201, {{link::kPollSession, name}}));
}

void Polls::go_on(http::Request request, std::shared_ptr<http::Exchange> exchange) {
    const auto found = sessions_.find(std::string(request.header("edge-session")));
    if (found == sessions_.end() || found->second->is_over())
        return refuse(request, *exchange, http::Code::not_found, "there is no such session any more; open another");
    const auto channel = found->second;
    channel->comes_over(request, *exchange);
    if (request.method == "POST") return channel->posted(std::move(request), exchange);
    if (request.method == "GET") return channel->asked(request, exchange);
    channel->left(*exchange);
}

void Polls::drain() {
    asio::post(executor_, [self = shared_from_this()] {
        self->draining_ = true;
        for (const auto& [name, channel] : self->sessions_) {
            if (!channel->is_over()) channel->drain();
        }
    });
}

}  // namespace edge::broker::gateway
