// What the agent tells the service manager, from the loop that does the work: that it turns, and how the node does.
#pragma once
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <optional>
#include <string>

#include "protocol/systemd/loop_report.hpp"

namespace edge::agent {

/// Executor: the one io_context; while that stands, no watchdog is fed. Cancel: the destructor.
class ServiceReport {
  public:
    /// `status` is asked once a second at most. The notifier outlives this.
    ServiceReport(boost::asio::io_context& io, systemd::Notifier& manager, std::function<std::string()> status);

    /// Ready in the loop's first turn, with a network or without.
    void begin();
    /// Something that the status tells may be another.
    void changed();
    void reloading() { report_.reloading(); }
    void ready();
    void stopping() { report_.stopping(); }

  private:
    void arm();

    boost::asio::io_context& io_;
    systemd::LoopReport report_;
    boost::asio::steady_timer timer_;
    std::optional<systemd::LoopReport::Time> armed_;
};

}  // namespace edge::agent
