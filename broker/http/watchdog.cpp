#include "broker/http/watchdog.hpp"

#include <boost/asio/steady_timer.hpp>
#include <optional>

namespace edge::http {

using Clock = std::chrono::steady_clock;

struct Watchdog::State : std::enable_shared_from_this<Watchdog::State> {
    State(const boost::asio::any_io_executor& executor, std::function<void()> late)
        : timer(executor), on_late(std::move(late)) {}

    void arm() {
        armed_for = *deadline;
        timer.expires_at(*deadline);
        timer.async_wait([weak = weak_from_this()](boost::system::error_code failed) {
            if (const auto self = weak.lock(); self && !failed) self->fired();
        });
    }
    void fired() {
        armed_for.reset();
        if (!deadline) return;
        if (Clock::now() < *deadline) return arm();
        deadline.reset();
        on_late();
    }

    boost::asio::steady_timer timer;
    std::function<void()> on_late;
    std::optional<Clock::time_point> deadline;
    std::optional<Clock::time_point> armed_for;
};

Watchdog::Watchdog(const boost::asio::any_io_executor& executor, std::function<void()> on_late)
    : state_(std::make_shared<State>(executor, std::move(on_late))) {}

Watchdog::~Watchdog() = default;

void Watchdog::expect_within(std::chrono::milliseconds limit) {
    state_->deadline = Clock::now() + limit;
    if (!state_->armed_for || *state_->armed_for > *state_->deadline) state_->arm();
}

void Watchdog::rest() {
    state_->deadline.reset();
}

}  // namespace edge::http
