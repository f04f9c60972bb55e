// epoll, signals and nothing else: who waits for which descriptor, and until when.
#pragma once
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>

#include "agent/launcher/os/fd.hpp"
#include "protocol/result.hpp"

namespace edge::launcher {

/// Executor: one thread. Handlers may add and remove descriptors; a handler may be called once for nothing, when its
/// number was another descriptor's a moment ago, so what it reads must not block.
class Poller {
  public:
    using Handler = std::function<void()>;

    static Result<Poller> open();
    enum class Ready { to_read, to_write, changed };  // changed: as /proc/self/mountinfo tells, proc(5)

    /// Calls `handler` whenever `fd` is readable or hung up. The descriptor stays its owner's.
    Result<> watch(int fd, Handler handler);
    /// From now on the handler of a watched descriptor is called when it is ready for this, or hung up.
    void wait_until(int fd, Ready ready);
    void forget(int fd);
    /// One round: waits until something happens or `deadline` passes.
    void wait(std::optional<std::chrono::steady_clock::time_point> deadline);

  private:
    Fd epoll_;
    std::map<int, Handler> handlers_;
};

/// SIGTERM and SIGINT as a descriptor; they no longer interrupt. SIGPIPE is ignored.
Result<Fd> termination_signals();

}  // namespace edge::launcher
