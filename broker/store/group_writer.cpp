#include "broker/store/group_writer.hpp"

#include <algorithm>
#include <chrono>
#include <exception>
#include <utility>

namespace edge::broker {
namespace {

using namespace std::chrono_literals;
using std::chrono::microseconds;
using std::chrono::steady_clock;

// A group is bounded so that the first of it does not wait for the last: 1,024 changes are about 256 results (each
// brings its task's and run's), some 10 ms.
constexpr std::size_t kMostChanges = 1'024;
constexpr auto kIdleAfter = 200ms;
constexpr auto kLookAgainAfter = 1min;
constexpr auto kRetryEvery = 250ms;

std::uint64_t since_epoch(steady_clock::time_point moment) {
    return static_cast<std::uint64_t>(std::chrono::duration_cast<microseconds>(moment.time_since_epoch()).count());
}

std::size_t weight(const Batch& batch) {
    std::size_t changes = batch.size();
    for (const auto& change : batch) {
        if (const auto* run = std::get_if<AddRun>(&change)) changes += run->tasks.size();
    }
    return changes;
}

}  // namespace

GroupWriter::GroupWriter(Store& store, Callbacks callbacks, RetentionRule retention, std::uint64_t most_log)
    : store_(store), callbacks_(std::move(callbacks)), rule_(retention), log_watch_(most_log), thread_([this] {
          run();
      }) {}

GroupWriter::~GroupWriter() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    wake_.notify_one();
    thread_.join();
}

void GroupWriter::push(std::vector<Job> jobs) {
    if (jobs.empty()) return;
    {
        const std::lock_guard lock(mutex_);
        for (auto& job : jobs) waiting_.push_back(std::move(job));
    }
    wake_.notify_one();
}

/// False: the end. Looks after the store when its time has come, and at the latest between two groups.
bool GroupWriter::wait_for_work(std::unique_lock<std::mutex>& lock) {
    const auto ready = [this] { return stopping_ || !waiting_.empty(); };
    while (true) {
        if (!stopping_ && !look_after(lock)) return false;
        if (ready()) return !waiting_.empty();
        const auto retention_at = steady_clock::time_point(microseconds(pace_.next()));
        if (idle_at_)
            wake_.wait_until(lock, std::min(*idle_at_, retention_at), ready);
        else
            wake_.wait_until(lock, retention_at, ready);
    }
}

/// What is due of the store's upkeep. False: the store is broken.
bool GroupWriter::look_after(std::unique_lock<std::mutex>& lock) {
    const auto now = steady_clock::now();
    const bool idles = idle_at_ && *idle_at_ <= now && waiting_.empty();
    const bool forgets = pace_.next() <= since_epoch(now) && !no_space_;
    if (!idles && !forgets) return true;
    lock.unlock();
    bool done = !forgets || forget(now - wrote_at_ < kIdleAfter);
    if (done && idles) {
        const auto result = store_.idle();
        look_at_log();
        if (!result) callbacks_.fatal(result.error());
        done = bool(result);
    }
    lock.lock();
    // While the log is long somebody reads, who may have ended by then.
    if (idles) idle_at_ = log_watch_.is_long() ? std::optional(now + kLookAgainAfter) : std::nullopt;
    return done;
}

bool GroupWriter::forget(bool others_write) {
    const auto began = steady_clock::now();
    const auto wall = std::chrono::duration_cast<microseconds>(std::chrono::system_clock::now().time_since_epoch());
    const auto gone = store_.forget(forget_before(rule_, static_cast<WallTime>(wall.count())), pace_.rows());
    const auto now = steady_clock::now();
    look_at_log();
    if (!gone) {
        if (gone.error().code != Errc::unavailable) {
            callbacks_.fatal(gone.error());
            return false;
        }
        pace_.failed(since_epoch(now));  // what is written next tells of it
        return true;
    }
    const auto took = static_cast<std::uint64_t>(std::chrono::duration_cast<microseconds>(now - began).count());
    pace_.done(gone.value(), took, since_epoch(now), others_write);
    const std::lock_guard lock(mutex_);
    forgotten_.overdue_us = gone.value().overdue_us.value_or(0);
    forgotten_.batch_rows = pace_.rows();
    if (gone.value().rows == 0) return true;
    forgotten_.rows += gone.value().rows;
    forgotten_.results += gone.value().results;
    forgotten_.runs += gone.value().runs;
    forgotten_.spent_us += took;
    ++forgotten_.batches;
    idle_at_ = now + kIdleAfter;
    return true;
}

RetentionView GroupWriter::retention() const {
    const std::lock_guard lock(mutex_);
    return forgotten_;
}

void GroupWriter::look_at_log() {
    log_bytes_ = store_.log_bytes();
    if (const auto is_long = log_watch_.saw(log_bytes_)) callbacks_.log_changed(*is_long, log_bytes_);
}

std::deque<GroupWriter::Job> GroupWriter::take_group() {
    std::deque<Job> group;
    std::size_t changes = 0;
    while (!waiting_.empty() && (group.empty() || changes + weight(waiting_.front().batch) <= kMostChanges)) {
        changes += weight(waiting_.front().batch);
        group.push_back(std::move(waiting_.front()));
        waiting_.pop_front();
    }
    return group;
}

/// Behind jobs that are kept for want of space nobody is left waiting.
std::vector<GroupWriter::Outcome> GroupWriter::refuse_waiting(const Error& error) {
    std::vector<Outcome> refused;
    std::deque<Job> kept;
    for (auto& job : waiting_) {
        if (job.may_fail)
            refused.push_back({job.id, error});
        else
            kept.push_back(std::move(job));
    }
    waiting_ = std::move(kept);
    return refused;
}

void GroupWriter::run() {
    try {
        loop();
    } catch (const std::exception& e) {
        callbacks_.fatal(Error{Errc::internal, "writing thread", e.what()});
    }
}

void GroupWriter::loop() {
    log_bytes_ = store_.log_bytes();  // if a kill left it long, the first commit copies it
    std::unique_lock lock(mutex_);
    while (wait_for_work(lock)) {
        std::deque<Job> group = take_group();
        lock.unlock();
        if (!write(std::move(group))) return;
        lock.lock();
        // While nothing is kept, what is new is tried: there may be space again.
        while (no_space_ && std::ranges::any_of(waiting_, [](const Job& job) { return !job.may_fail; })) {
            auto refused = refuse_waiting(*no_space_);
            if (!refused.empty()) {
                lock.unlock();
                callbacks_.done(std::move(refused));
                lock.lock();
            }
            if (waiting_.empty()) break;
            if (stopping_) return;  // what is kept was never acknowledged
            wake_.wait_for(lock, kRetryEvery, [this] { return stopping_; });
            std::deque<Job> again = take_group();
            lock.unlock();
            if (!write(std::move(again))) return;
            lock.lock();
        }
    }
}

/// False: the store is broken.
bool GroupWriter::write(std::deque<Job> group) {
    std::vector<Batch> batches;
    for (auto& job : group) batches.push_back(std::move(job.batch));
    const auto result = store_.apply(batches);
    look_at_log();
    wrote_at_ = steady_clock::now();
    idle_at_ = wrote_at_ + kIdleAfter;
    if (!result && result.error().code != Errc::unavailable) {
        callbacks_.fatal(result.error());
        return false;
    }
    std::vector<Outcome> outcomes;
    std::deque<Job> kept;
    for (std::size_t i = 0; i < group.size(); ++i) {
        if (result) {
            outcomes.push_back({group[i].id, std::nullopt});
        } else if (group[i].may_fail) {
            outcomes.push_back({group[i].id, result.error()});
        } else {
            group[i].batch = std::move(batches[i]);
            kept.push_back(std::move(group[i]));
        }
    }
    if (degraded_.exchange(!result) != !result)
        callbacks_.room_changed(result ? std::nullopt : std::optional(result.error()));
    no_space_ = result ? std::nullopt : std::optional(result.error());
    if (!kept.empty()) {
        const std::lock_guard lock(mutex_);
        waiting_.insert(waiting_.begin(), std::make_move_iterator(kept.begin()), std::make_move_iterator(kept.end()));
    }
    if (!outcomes.empty()) callbacks_.done(std::move(outcomes));
    return true;
}

}  // namespace edge::broker
