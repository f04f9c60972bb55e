// The store's writing thread: what waits is committed together, at once when idle. While one group is on its way to the
// disk the next one gathers; nothing is ever held back to make a group larger.
#pragma once
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

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
    /// `done` gets the outcomes of a group, in the order of the jobs but for refusals. After `fatal` nothing is written
    /// and nothing more is reported.
    GroupWriter(Store& store, std::function<void(std::vector<Outcome>)> done, std::function<void(const Error&)> fatal);
    /// Writes what waits (kept jobs once more), then joins the thread.
    ~GroupWriter();

    void push(std::vector<Job> jobs);
    /// The last try found no space.
    bool degraded() const { return degraded_; }

  private:
    void loop();
    bool wait_for_work(std::unique_lock<std::mutex>& lock);
    std::deque<Job> take_group();
    std::vector<Outcome> refuse_waiting(const Error& error);
    bool write(std::deque<Job> group);

    Store& store_;
    std::function<void(std::vector<Outcome>)> done_;
    std::function<void(const Error&)> fatal_;
    std::mutex mutex_;
    std::condition_variable wake_;
    std::deque<Job> waiting_;
    bool stopping_ = false;
    bool dirty_ = false;  // written since the last idle()
    std::optional<Error> no_space_;
    std::atomic<bool> degraded_ = false;
    std::thread thread_;
};

}  // namespace edge::broker
