#include "broker/status_report.hpp"

#include <boost/asio/post.hpp>

#include "protocol/systemd/counted.hpp"

namespace edge::broker {

using Clock = std::chrono::steady_clock;

std::shared_ptr<StatusReport> StatusReport::begin(boost::asio::io_context& io, Domain& domain,
                                                  systemd::Notifier& manager) {
    std::shared_ptr<StatusReport> report(new StatusReport(io, domain, manager));
    if (!manager.is_heard()) return report;
    boost::asio::post(io, [report] { report->changed(); });
    domain.follow(report);
    return report;
}

StatusReport::StatusReport(boost::asio::io_context& io, Domain& domain, systemd::Notifier& manager)
    : io_(io), domain_(domain), manager_(manager), timer_(io) {}

void StatusReport::stopping() {
    boost::asio::post(io_, [self = shared_from_this()] {
        self->stopping_ = true;
        self->timer_.cancel();
        self->manager_.stopping("draining");
    });
}

void StatusReport::events(const std::vector<FleetEvent>&) {
    if (noted_.exchange(true)) return;
    boost::asio::post(io_, [self = shared_from_this()] {
        self->noted_ = false;
        self->changed();
    });
}

void StatusReport::changed() {
    if (stopping_ || pace_.due()) return;
    pace_.changed(Clock::now());
    timer_.expires_at(*pace_.due());
    timer_.async_wait([self = shared_from_this()](const boost::system::error_code& error) {
        if (!error && self->pace_.look(Clock::now())) self->ask();
    });
}

void StatusReport::ask() {
    domain_.figures([self = shared_from_this()](const Result<Figures>& figures) {
        if (!figures) return;
        boost::asio::post(self->io_, [self, told = figures.value()] { self->say(told); });
    });
}

void StatusReport::say(const Figures& figures) {
    const std::string status = systemd::counted(figures.nodes_connected, "node") + " connected, " +
                               systemd::counted(figures.runs_active, "run") + " active";
    if (!stopping_ && pace_.is_news(status)) manager_.status(status);
}

}  // namespace edge::broker
