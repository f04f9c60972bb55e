// The service manager's watchdog, fed by a message that has gone through every thread the broker cannot do without.
#pragma once
#include <boost/asio/steady_timer.hpp>
#include <memory>

#include "broker/domain/domain.hpp"
#include "broker/http/io_threads.hpp"
#include "protocol/systemd/notifier.hpp"

namespace edge::broker {

/// A round goes from one I/O thread to the next, through the domain thread, and back to the first, which feeds the
/// watchdog and begins the next one. A thread that stands keeps the round, and nobody feeds in its place.
/// Executor: the first I/O thread. Borrows: all three, which outlive what is queued on them.
class WatchdogRound : public std::enable_shared_from_this<WatchdogRound> {
  public:
    /// Nothing where there is no watchdog.
    static void begin(http::IoThreads& threads, Domain& domain, systemd::Notifier& manager);

  private:
    WatchdogRound(http::IoThreads& threads, Domain& domain, systemd::Notifier& manager);
    void wait();
    void visit(std::size_t thread);
    void home();

    http::IoThreads& threads_;
    Domain& domain_;
    systemd::Notifier& manager_;
    boost::asio::steady_timer timer_;
};

}  // namespace edge::broker
