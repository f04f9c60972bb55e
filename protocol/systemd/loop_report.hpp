// What a program of one loop tells the service manager from that loop: that it turns, and how it does.
#pragma once
#include <functional>
#include <optional>
#include <string>

#include "protocol/systemd/notifier.hpp"
#include "protocol/systemd/status_pace.hpp"

namespace edge::systemd {

/// Nothing here waits: the loop calls turn() when deadline() has passed, and a loop that stands feeds no watchdog.
/// Executor: the loop's thread. Borrows: the notifier, which outlives it.
class LoopReport {
  public:
    using Time = StatusPace::Time;
    /// `status` is asked once a second at most.
    LoopReport(Notifier& manager, std::function<std::string()> status);

    /// It serves, or serves again after a reload.
    void ready(Time now);
    void reloading() { manager_.reloading(); }
    void stopping() { manager_.stopping(status_()); }
    /// Something that the status tells may be another.
    void changed(Time now);
    void turn(Time now);
    /// Nothing: nobody listens, or there is nothing to say.
    std::optional<Time> deadline() const;

  private:
    Notifier& manager_;
    std::function<std::string()> status_;
    StatusPace pace_;
    std::optional<Time> feed_due_;
};

}  // namespace edge::systemd
