// What a daemon tells the service manager that started it. Source: sd_notify(3), systemd 252.
#pragma once
#include <atomic>
#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/systemd/datagram_sender.hpp"

namespace spdlog {
class logger;
}

namespace edge::systemd {

/// As a unit with Type=notify and WatchdogSec= says it in the environment.
struct NotifyTerms {
    std::string socket;                                  // empty: nobody listens
    std::optional<std::chrono::microseconds> feed_each;  // half of what the watchdog waits; none: there is none
};

/// Read once, and taken out of the environment, so that no child speaks in our place.
NotifyTerms take_notify_terms();

/// Says nothing where nobody listens. What cannot be said is logged once, and ends nothing; a manager that does not
/// read is waited for only by ready() and reloading(), which it must hear, and no longer than five seconds. Executor:
/// any thread.
class Notifier {
  public:
    Notifier(NotifyTerms terms, spdlog::logger& log);

    bool is_heard() const { return sender_.has_value(); }
    /// How often feed() is to come; none: never.
    std::optional<std::chrono::microseconds> feed_each() const { return feed_each_; }

    /// The unit is started, or has been reloaded.
    void ready(std::string_view status);
    void status(std::string_view status);
    void reloading();
    void stopping(std::string_view status);
    /// The watchdog ends us when it has not heard this for twice feed_each().
    void feed();
    /// Start, reload or stop go on, and may take so much longer from now on.
    void extend(std::chrono::microseconds by);

  private:
    void say(const std::string& assignments, WhenFull when_full = WhenFull::give_up);

    std::optional<DatagramSender> sender_;
    std::optional<std::chrono::microseconds> feed_each_;
    spdlog::logger& log_;
    std::atomic<bool> told_ = false;
};

}  // namespace edge::systemd
