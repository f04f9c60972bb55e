// What a session gave the domain and the domain has not taken up: as long as that is much, the socket is not read.
#pragma once
#include <atomic>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <memory>

namespace edge::broker::gateway {

/// Executor: the session's thread; what add() gives may be let go on any.
class Backlog : public std::enable_shared_from_this<Backlog> {
  public:
    static constexpr std::size_t kMost = 32;  // messages of at most 256 KiB

    explicit Backlog(const boost::asio::any_io_executor& executor)
        : wake_(executor, boost::asio::steady_timer::time_point::max()) {}

    /// One more message waits, until the last copy of this is gone.
    std::shared_ptr<const void> add();
    /// Ends when there is room for another.
    boost::asio::awaitable<void> room();

  private:
    void taken();

    std::atomic<std::size_t> waiting_{0};
    boost::asio::steady_timer wake_;  // never fires; canceled when there is room again
};

}  // namespace edge::broker::gateway
