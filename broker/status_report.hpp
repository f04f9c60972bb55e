// How the broker does, in a line for the service manager: `12 nodes connected, 3 runs active`.
#pragma once
#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <string>
#include <vector>

#include "broker/domain/domain.hpp"
#include "protocol/systemd/notifier.hpp"
#include "protocol/systemd/status_pace.hpp"

namespace edge::broker {

/// Follows the domain, and asks for figures only after something happened. Owners: the domain, and what is queued.
/// Executor: `io`, one thread. Borrows: all, which outlive what is queued on them.
class StatusReport final : public FleetSubscriber, public std::enable_shared_from_this<StatusReport> {
  public:
    /// Nothing where nobody listens.
    static std::shared_ptr<StatusReport> begin(boost::asio::io_context& io, Domain& domain, systemd::Notifier& manager);

    /// The broker stops; from now on this says nothing more. Any thread.
    void stopping();

  private:
    StatusReport(boost::asio::io_context& io, Domain& domain, systemd::Notifier& manager);
    void events(const std::vector<FleetEvent>& events) override;
    void changed();
    void ask();
    void say(const Figures& figures);

    boost::asio::io_context& io_;
    Domain& domain_;
    systemd::Notifier& manager_;
    boost::asio::steady_timer timer_;
    systemd::StatusPace pace_;
    std::atomic<bool> noted_ = false;  // a change is on its way here already
    bool stopping_ = false;
};

}  // namespace edge::broker
