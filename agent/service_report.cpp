#include "agent/service_report.hpp"

#include <boost/asio/post.hpp>
#include <utility>

namespace edge::agent {

using Clock = std::chrono::steady_clock;

ServiceReport::ServiceReport(boost::asio::io_context& io, systemd::Notifier& manager,
                             std::function<std::string()> status)
    : io_(io), report_(manager, std::move(status)), timer_(io) {}

void ServiceReport::begin() {
    boost::asio::post(io_, [this] { ready(); });
}

void ServiceReport::changed() {
    report_.changed(Clock::now());
    arm();
}

void ServiceReport::ready() {
    report_.ready(Clock::now());
    arm();
}

void ServiceReport::arm() {
    const auto due = report_.deadline();
    if (!due || (armed_ && *armed_ <= *due)) return;
    armed_ = due;
    timer_.expires_at(*due);
    timer_.async_wait([this](const boost::system::error_code& error) {
        if (error) return;
        armed_.reset();
        report_.turn(Clock::now());
        arm();
    });
}

}  // namespace edge::agent
