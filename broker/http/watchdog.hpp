// One deadline for a connection's present phase: when it passes, the connection is cut.
#pragma once
#include <boost/asio/any_io_executor.hpp>
#include <chrono>
#include <functional>
#include <memory>

namespace edge::http {

/// Moving a deadline later costs nothing: the timer looks again when it fires.
/// Executor: the connection's thread. Cancel: destroying it; the callback is not called afterwards.
class Watchdog {
  public:
    Watchdog(const boost::asio::any_io_executor& executor, std::function<void()> on_late);
    ~Watchdog();
    Watchdog(Watchdog&&) = delete;

    void expect_within(std::chrono::milliseconds limit);
    void rest();

  private:
    struct State;
    std::shared_ptr<State> state_;  // owners: this and the pending wait
};

}  // namespace edge::http
