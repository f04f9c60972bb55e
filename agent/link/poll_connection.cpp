#include "agent/link/poll_connection.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <optional>
#include <random>

#include "agent/link/https_connection.hpp"
#include "agent/link/refusal.hpp"
#include "agent/link/websocket_connection.hpp"
#include "protocol/link/envelopes.hpp"

namespace edge::agent {

namespace asio = boost::asio;

namespace {

constexpr auto kToken = asio::as_tuple(asio::use_awaitable);
constexpr std::chrono::seconds kAnswer{10};
constexpr std::chrono::seconds kTaken{60};  // a message: 256 KiB over a slow uplink, and the broker may be behind
constexpr std::chrono::seconds kHeld = kAnswer + std::chrono::seconds(link::kPollHeldMs / 1000);
constexpr std::chrono::seconds kClosing{2};
constexpr std::chrono::seconds kWithoutBroker{25};     // of tries to get to it; it waits for 45 s
constexpr std::chrono::milliseconds kFirstPause{250};  // between tries, and up to as much again
constexpr std::chrono::milliseconds kLongestPause{4'000};

bool is_message(const HttpAnswer& answer) {
    return answer.status == 200 && !answer.header(link::kPollMessage).empty();
}

}  // namespace

struct PollConnection::Open {
    Open(asio::io_context& io, const Endpoint& endpoint, const Route& route, Listener& who)
        : up(io.get_executor(), endpoint, route),
          down(io.get_executor(), endpoint, route),
          wake(io, asio::steady_timer::time_point::max()),
          closing(io),
          listener(&who) {}

    /// What the agent says, to the end of the session.
    asio::awaitable<Closed> speak(std::shared_ptr<Open> self);
    /// What the broker says.
    asio::awaitable<Closed> listen(std::shared_ptr<Open> self);
    asio::awaitable<Closed> begin(std::shared_ptr<Open> self);
    /// Asked again over a new connection where one broke: what is numbered is taken once.
    asio::awaitable<Result<HttpAnswer>> ask(std::shared_ptr<Open> self, HttpsConnection& over, HttpRequest request,
                                            std::chrono::seconds within);
    Closed refusal(const HttpAnswer& answer) const;
    void finish(const Closed& why);
    void drop();

    HttpsConnection up, down;
    asio::steady_timer wake;  // never fires; canceled when there is something to say, or all is over
    asio::steady_timer closing;
    Listener* listener;
    std::string session;
    std::optional<std::string> message;
    std::uint64_t said = 0;
    std::uint64_t heard = 0;
    std::minstd_rand random{std::random_device{}()};
    bool left = false;  // close() was called
    bool dropped = false;
    bool no_answer = false;
};

asio::awaitable<Closed> PollConnection::Open::begin(std::shared_ptr<Open> self) {
    const auto opened = co_await self->up.open();
    if (self->dropped) co_return Closed{"left while dialling"};
    const Met& met = self->up.met();
    if (self->listener && !met.addresses.empty()) self->listener->connection_resolved(met.addresses);
    if (!opened) co_return Closed{.reason = opened.error().detail, .uplink_failed = met.no_answer};
    const std::string binding = self->up.binding();
    if (binding.empty()) co_return Closed{"TLS: no exporter"};
    HttpRequest request{"POST", link::kPollPath};
    const auto answer = co_await self->up.ask(std::move(request), kAnswer, link::kMaxMessage);
    if (!answer) co_return Closed{answer.error().detail};
    self->session = std::string(answer.value().header(link::kPollSession));
    if (answer.value().status != 201 || self->session.empty()) co_return self->refusal(answer.value());
    if (self->left) co_return Closed{"left while dialling"};
    if (self->listener) self->listener->connection_opened(binding);
    co_return Closed{};
}

asio::awaitable<Closed> PollConnection::Open::speak(std::shared_ptr<Open> self) {
    while (!self->dropped) {
        if (!self->message && !self->left) {
            co_await self->wake.async_wait(kToken);
            continue;
        }
        HttpRequest request{"DELETE", link::kPollPath, {{link::kPollSession, self->session}}};
        const bool says = self->message.has_value();
        if (says) {
            request.method = "POST";
            request.headers.emplace_back(link::kPollMessage, std::to_string(++self->said));
            request.headers.emplace_back("Content-Type", "application/x-ndjson");
            request.body = std::move(*self->message);
        }
        const auto answer = co_await self->ask(self, self->up, std::move(request), kTaken);
        if (!answer) co_return Closed{.reason = answer.error().detail, .uplink_failed = self->no_answer};
        if (!says) co_return Closed{"left"};
        if (answer.value().status != 204) co_return self->refusal(answer.value());
        self->message.reset();
        if (self->listener) self->listener->connection_writable();
    }
    co_return Closed{"left"};
}

asio::awaitable<Closed> PollConnection::Open::listen(std::shared_ptr<Open> self) {
    while (!self->dropped) {
        HttpRequest request{"GET", link::kPollPath};
        request.headers = {{link::kPollSession, self->session}, {link::kPollAfter, std::to_string(self->heard)}};
        auto answer = co_await self->ask(self, self->down, std::move(request), kHeld);
        if (!answer) co_return Closed{.reason = answer.error().detail, .uplink_failed = self->no_answer};
        HttpAnswer& told = answer.value();
        if (told.status == 204) continue;
        if (const auto code = told.header(link::kPollClose); told.status == 200 && !code.empty())
            co_return Closed{"closed with " + std::string(code) + (told.body.empty() ? "" : ": " + told.body)};
        if (!is_message(told)) co_return self->refusal(told);
        if (told.header(link::kPollMessage) != std::to_string(self->heard + 1))
            co_return Closed{"the broker's messages are out of order"};
        ++self->heard;
        if (self->listener) self->listener->connection_message(std::move(told.body));
    }
    co_return Closed{"left"};
}

asio::awaitable<Result<HttpAnswer>> PollConnection::Open::ask(std::shared_ptr<Open> self, HttpsConnection& over,
                                                              HttpRequest request, std::chrono::seconds within) {
    asio::steady_timer pause(self->wake.get_executor());
    auto give_up = std::chrono::steady_clock::time_point::max();
    std::chrono::milliseconds wait = kFirstPause;
    Error last{Errc::io, {}, "left"};
    while (!self->dropped) {
        const bool is_new = !over.is_open();
        if (is_new) {
            const auto opened = co_await over.open();
            if (self->dropped) break;
            self->no_answer = over.met().no_answer;
            const auto now = std::chrono::steady_clock::now();
            give_up = opened ? give_up.max() : std::min(give_up, now + kWithoutBroker);
            if (!opened) last = opened.error();
            // A broker that is not there has no session of ours any more when it comes back.
            const bool ends = over.met().refused || last.code == Errc::denied || now >= give_up;
            if (!opened && ends) co_return last;
        }
        if (over.is_open()) {
            HttpRequest once = request;
            auto answer = co_await over.ask(std::move(once), within, link::kMaxMessage);
            // A message that was cut is asked for again; what another answered, or too much, would be the same again.
            const bool is_lost = answer && answer.value().end == HttpAnswer::End::cut && is_message(answer.value());
            if (answer && !is_lost) co_return answer;
            last = answer ? Error{Errc::io, {}, "the broker's message ended too early"} : answer.error();
        }
        if (!is_new) continue;  // it had been closed as idle, most likely
        pause.expires_after(wait + std::chrono::milliseconds(self->random() % 1000) * wait.count() / 1000);
        wait = std::min(2 * wait, kLongestPause);
        co_await pause.async_wait(kToken);
    }
    over.close();
    co_return last;
}

Closed PollConnection::Open::refusal(const HttpAnswer& answer) const {
    const std::string cut = answer.end == HttpAnswer::End::whole ? ""
                            : answer.end == HttpAnswer::End::cut ? ", and not to its end"
                                                                 : ", and too much";
    return {.reason = refusal_text(answer.status) + cut + ", to a poll", .retry_after = answer.retry_after()};
}

void PollConnection::Open::finish(const Closed& why) {
    drop();
    if (Listener* last = std::exchange(listener, nullptr)) last->connection_closed(why);
}

void PollConnection::Open::drop() {
    dropped = true;
    closing.cancel();
    wake.cancel();
    up.close();
    down.close();
}

PollConnection::PollConnection(asio::io_context& io, Endpoint endpoint, Route route, Listener& listener)
    : open_(std::make_shared<Open>(io, endpoint, route, listener)) {}

PollConnection::~PollConnection() {
    open_->listener = nullptr;
    open_->drop();
}

void PollConnection::tell(Listener& listener) {
    if (open_->listener) open_->listener = &listener;
}

void PollConnection::dial() {
    // Either loop's end is the connection's; the other's, which follows, says nothing more.
    const auto ended = [open = open_](const std::exception_ptr& thrown, const Closed& why) {
        open->finish(thrown ? Closed{"an exception from a library", {}} : why);
    };
    const auto executor = open_->wake.get_executor();
    auto opening = open_->begin(open_);
    asio::co_spawn(executor, std::move(opening),
                   [open = open_, executor, ended](const std::exception_ptr& thrown, const Closed& why) {
                       if (thrown || !why.reason.empty()) return ended(thrown, why);
                       auto speaking = open->speak(open);
                       asio::co_spawn(executor, std::move(speaking), ended);
                       auto listening = open->listen(open);
                       asio::co_spawn(executor, std::move(listening), ended);
                   });
}

void PollConnection::write(std::string message) {
    open_->message = std::move(message);
    open_->wake.cancel();
}

void PollConnection::close(std::uint16_t, const std::string&) {
    if (std::exchange(open_->left, true)) return;
    open_->closing.expires_after(kClosing);
    open_->closing.async_wait([open = open_](const boost::system::error_code& error) {
        if (!error) open->finish(Closed{"left"});
    });
    if (open_->session.empty()) return open_->drop();  // still dialling
    open_->wake.cancel();
}

void PollConnection::cut() {
    open_->left = true;
    open_->drop();
    // What is being resolved goes on, and nobody waits for it.
    asio::post(open_->wake.get_executor(), [open = open_] { open->finish(Closed{"cut"}); });
}

std::unique_ptr<BrokerConnection> make_connection(asio::io_context& io, Endpoint endpoint, Route route,
                                                  link::LinkTransport transport, BrokerConnection::Listener& listener) {
    if (transport == link::LinkTransport::poll)
        return std::make_unique<PollConnection>(io, std::move(endpoint), std::move(route), listener);
    return std::make_unique<WebSocketConnection>(io, std::move(endpoint), std::move(route), listener);
}

}  // namespace edge::agent
