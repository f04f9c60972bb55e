#include "broker/store/group_writer.hpp"

#include <chrono>
#include <exception>
#include <utility>

namespace edge::broker {
namespace {

using namespace std::chrono_literals;

// A group is bounded so that the first of it does not wait for the last: 1,024 changes are about 256 results (each
// brings its task's and run's), some 10 ms.
constexpr std::size_t kMostChanges = 1'024;
constexpr auto kIdleAfter = 200ms;
constexpr auto kRetryEvery = 250ms;

std::size_t weight(const Batch& batch) {
    std::size_t changes = batch.size();
    for (const auto& change : batch) {
        if (const auto* run = std::get_if<AddRun>(&change)) changes += run->tasks.size();
    }
    return changes;
}

}  // namespace

GroupWriter::GroupWriter(Store& store, Callbacks callbacks)
    : store_(store), callbacks_(std::move(callbacks)), thread_([this] { run(); }) {}

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

/// False: the end. Does the store's upkeep when nothing came for a while.
bool GroupWriter::wait_for_work(std::unique_lock<std::mutex>& lock) {
    const auto ready = [this] { return stopping_ || !waiting_.empty(); };
    if (dirty_ && !wake_.wait_for(lock, kIdleAfter, ready)) {
        dirty_ = false;
        lock.unlock();
        const auto result = store_.idle();
        if (!result) callbacks_.fatal(result.error());
        lock.lock();
        if (!result) return false;
    }
    wake_.wait(lock, ready);
    return !waiting_.empty();
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
    std::unique_lock lock(mutex_);
    while (wait_for_work(lock)) {
        std::deque<Job> group = take_group();
        lock.unlock();
        if (!write(std::move(group))) return;
        lock.lock();
        while (no_space_ && !waiting_.empty()) {
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
    dirty_ = true;
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
