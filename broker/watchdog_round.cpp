#include "broker/watchdog_round.hpp"

#include <boost/asio/post.hpp>

namespace edge::broker {

void WatchdogRound::begin(http::IoThreads& threads, Domain& domain, systemd::Notifier& manager) {
    if (!manager.feed_each()) return;
    const std::shared_ptr<WatchdogRound> round(new WatchdogRound(threads, domain, manager));
    round->wait();  // owners: from here on what is queued
}

WatchdogRound::WatchdogRound(http::IoThreads& threads, Domain& domain, systemd::Notifier& manager)
    : threads_(threads), domain_(domain), manager_(manager), timer_(threads.at(0)) {}

void WatchdogRound::wait() {
    timer_.expires_after(*manager_.feed_each());
    timer_.async_wait([self = shared_from_this()](const boost::system::error_code& error) {
        if (!error) self->visit(1);
    });
}

void WatchdogRound::visit(std::size_t thread) {
    if (thread < threads_.size())
        return boost::asio::post(threads_.at(thread), [self = shared_from_this(), thread] { self->visit(thread + 1); });
    domain_.figures([self = shared_from_this()](const Result<Figures>&) {
        boost::asio::post(self->threads_.at(0), [self] { self->home(); });
    });
}

void WatchdogRound::home() {
    manager_.feed();
    wait();
}

}  // namespace edge::broker
