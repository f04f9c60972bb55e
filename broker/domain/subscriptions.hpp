// Who watches which run. A subscriber first gets the past (run, stored results, read page by page), then what happens;
// what happens meanwhile is held, and nothing comes twice.
#pragma once
#include <atomic>
#include <functional>
#include <memory>
#include <set>
#include <unordered_map>
#include <utility>
#include <vector>

#include "broker/domain/domain.hpp"
#include "broker/store/read_queue.hpp"

namespace edge::broker {

/// Executor: the domain thread, but for the reading of pages. `post` brings a call to the domain thread.
class Subscriptions {
  public:
    using Post = std::function<void(std::function<void()>)>;

    Subscriptions(ReadQueue& reads, Post post) : reads_(reads), post_(std::move(post)) {}

    /// Of a run that goes on, as it is shown now.
    void begin(const RunView& run, bool tells_results, std::shared_ptr<RunSubscriber> subscriber);
    /// Of a run that is over: all from the store. `reply` once the run is known to be there.
    void replay(RunId run, Past past, std::shared_ptr<RunSubscriber> subscriber, Reply<RunView> reply);
    /// True: it was there.
    bool remove(RunId run, const std::shared_ptr<RunSubscriber>& subscriber);
    void happened(RunId run, const RunEvent& event);
    void ended(RunId run);
    /// The domain stops: every stream ends.
    void end_all();

  private:
    struct Subscription {
        std::shared_ptr<RunSubscriber> subscriber;
        std::atomic<bool> canceled = false;
        bool live = false;
        bool over = false;
        std::vector<RunEvent> held;
        std::set<std::pair<TaskId, std::uint32_t>> sent;  // attempts, from the store; the reading thread's until live
    };
    /// Owners: the table, and a read under way.
    using SubscriptionPtr = std::shared_ptr<Subscription>;

    static void deliver(Subscription& to, const RunEvent& event);
    void read_on(RunId run, SubscriptionPtr subscription, std::string cursor, std::function<void()> at_end);
    void go_live(RunId run, const SubscriptionPtr& subscription);

    ReadQueue& reads_;
    Post post_;
    std::unordered_map<RunId, std::vector<SubscriptionPtr>> table_;
};

}  // namespace edge::broker
