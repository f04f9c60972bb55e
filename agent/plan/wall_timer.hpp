// Wakes at a moment of the wall clock, after a suspend as well, and whenever somebody sets the clock.
// Source: timerfd_create(2), TFD_TIMER_CANCEL_ON_SET.
#pragma once
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <cstdint>
#include <functional>
#include <optional>

#include "protocol/result.hpp"

namespace edge::agent {

/// Executor: the one io_context. Cancel: the destructor.
class WallTimer {
  public:
    WallTimer(boost::asio::io_context& io, std::function<void()> woken) : descriptor_(io), woken_(std::move(woken)) {}

    /// Errors: io.
    Result<> start();
    /// In place of the moment before; none: only when the clock is set. Units: microseconds since 1970.
    void set(std::optional<std::uint64_t> wall_us);

  private:
    void wait();
    void arm();

    boost::asio::posix::stream_descriptor descriptor_;
    std::function<void()> woken_;
    std::optional<std::uint64_t> at_us_;
    bool started_ = false;
};

}  // namespace edge::agent
