// The store's writing thread: what waits is committed together, at once when idle. While one group is on its way to the
// disk the next one gathers; nothing is ever held back to make a group larger. In between it does the store's upkeep.
#pragma once
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "broker/store/log_watch.hpp"
#include "broker/store/store.hpp"

namespace edge::broker {

/// Owns: the thread. Executor: any thread may call. The callbacks run on the writing thread.
class GroupWriter {
  public:
    struct Job {
        std::uint64_t id = 0;
        Batch batch;
        bool may_fail = false;  // refused when there is no space; others are kept and tried until there is
    };
    struct Outcome {
        std::uint64_t id = 0;
        std::optional<Error> error;
    };
    struct Callbacks {
        /// The outcomes of a group, in the order of the jobs but for refusals.
        std::function<void(std::vector<Outcome>)> done;
        /// The first try that the store has no room for (why), and the first that it takes again (nothing).
        std::function<void(const std::optional<Error>&)> room_changed;
        /// The store's log has grown beyond what it should be (true), or is back (false), and how long it is.
        std::function<void(bool, std::uint64_t)> log_changed;
        /// The store is broken, or an exception came out of our own code (internal). Nothing is written after it, and
        /// nothing more is reported.
        std::function<void(const Error&)> fatal;
    };
    /// Units: bytes. SQLite copies its log back at 16 MiB; beyond this somebody has been reading for long.
    static constexpr std::uint64_t kMostLog = 256 * 1024 * 1024;
    GroupWriter(Store& store, Callbacks callbacks, RetentionRule retention = {}, std::uint64_t most_log = kMostLog);
    /// Writes what waits (kept jobs once more), then joins the thread.
    ~GroupWriter();

    void push(std::vector<Job> jobs);
    /// The last try found no space.
    bool degraded() const { return degraded_; }
    RetentionView retention() const;
    /// Of the store's log, after what was written last.
    std::uint64_t log_bytes() const { return log_bytes_; }

  private:
    void run();
    void loop();
    bool wait_for_work(std::unique_lock<std::mutex>& lock);
    bool look_after(std::unique_lock<std::mutex>& lock);
    bool forget(bool others_write);
    void look_at_log();
    std::deque<Job> take_group();
    std::vector<Outcome> refuse_waiting(const Error& error);
    bool write(std::deque<Job> group);

    Store& store_;
    Callbacks callbacks_;
    RetentionRule rule_;
    RetentionPace pace_;
    LogWatch log_watch_;
    std::atomic<std::uint64_t> log_bytes_ = 0;
    mutable std::mutex mutex_;
    RetentionView forgotten_;
    std::condition_variable wake_;
    std::deque<Job> waiting_;
    bool stopping_ = false;
    std::chrono::steady_clock::time_point wrote_at_;                // the last group
    std::optional<std::chrono::steady_clock::time_point> idle_at_;  // written since the last idle()
    std::optional<Error> no_space_;
    std::atomic<bool> degraded_ = false;
    std::thread thread_;
};

}  // namespace edge::broker
