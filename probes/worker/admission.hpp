// Which tasks run and which wait, so that all that hostile answers can make them hold fits the sandbox's memory. Pure.
#pragma once
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>

#include "protocol/probes/spec.hpp"

namespace edge::probes {

/// Units: bytes. What a probe may come to hold, whatever its target answers, with its report until that is written.
std::size_t most_bytes(const ProbeSpec& spec);

/// Tasks wait in the order they came, HTTP by itself, so that pings and DNS queries do not wait for slow web servers.
class Admission {
  public:
    /// Of the 64 MiB of a sandbox: 3 are taken by an idle worker, 5 by the kernel for a thousand sockets and for page
    /// tables, and 10 stay free for what is on its way into a socket and for the holes of the heap.
    static constexpr std::size_t kAll = 46 * 1024 * 1024;
    static constexpr std::size_t kHttp = 40 * 1024 * 1024;

    /// A task that is to run. Its number must be new.
    void wait(std::uint64_t task, const ProbeSpec& spec);
    /// The task whose turn it is, if there is room for one beside `unsent` bytes of reports the agent has not taken
    /// yet. It has its room from then on.
    std::optional<std::uint64_t> next(std::size_t unsent);
    /// It ended, or waits no more.
    void leave(std::uint64_t task);

    std::size_t running() const { return running_; }

  private:
    struct Task {
        std::size_t bytes = 0;
        bool is_http = false;
        bool is_running = false;
    };

    std::optional<std::uint64_t> next_of(std::deque<std::uint64_t>& queue, std::size_t unsent);
    bool has_room(const Task& task, std::size_t unsent) const;

    std::map<std::uint64_t, Task> tasks_;
    std::deque<std::uint64_t> http_;    // waiting; of one that left only the number is left
    std::deque<std::uint64_t> others_;  // the same
    std::size_t running_ = 0;
    std::size_t http_bytes_ = 0;  // of those that run
    std::size_t all_bytes_ = 0;
};

}  // namespace edge::probes
