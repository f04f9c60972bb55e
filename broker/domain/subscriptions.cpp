#include "broker/domain/subscriptions.hpp"

#include <algorithm>
#include <utility>

namespace edge::broker {
namespace {

constexpr std::uint32_t kPage = 100;

template <class T>
RunEvent event_of(T value) {
    return std::make_shared<const T>(std::move(value));
}

std::pair<TaskId, std::uint32_t> attempt_of(const ResultView& view) {
    return {view.result.task_id, view.result.attempt};
}

}  // namespace

void Subscriptions::deliver(Subscription& to, const RunEvent& event) {
    const auto* result = std::get_if<std::shared_ptr<const ResultView>>(&event);
    if (to.canceled || (result && to.sent.contains(attempt_of(**result)))) return;
    to.subscriber->event(event);
}

void Subscriptions::begin(const RunView& run, bool tells_results, std::shared_ptr<RunSubscriber> subscriber) {
    const auto subscription = std::make_shared<Subscription>();
    subscription->subscriber = std::move(subscriber);
    table_[run.id].push_back(subscription);
    deliver(*subscription, event_of(run));
    if (!tells_results) return go_live(run.id, subscription);
    read_on(run.id, subscription, {},
            [this, id = run.id, subscription] { post_([this, id, subscription] { go_live(id, subscription); }); });
}

void Subscriptions::replay(RunId run, Past past, std::shared_ptr<RunSubscriber> subscriber, Reply<RunView> reply) {
    const auto subscription = std::make_shared<Subscription>();
    subscription->subscriber = std::move(subscriber);
    table_[run].push_back(subscription);
    const auto forget = [this, run, subscription] {
        post_([this, run, subscription] { remove(run, subscription->subscriber); });
    };
    reads_.ask([this, run, past, subscription, forget, reply = std::move(reply)](Store& store) {
        const auto found = store.run(run);
        if (!found || !found.value()) {
            forget();
            return reply(!found ? found.error() : Error{Errc::not_found, {}, "no such run"});
        }
        reply(*found.value());
        deliver(*subscription, event_of(*found.value()));
        const auto at_end = [subscription, forget] {
            if (!subscription->canceled) subscription->subscriber->end();
            forget();
        };
        if (past == Past::left_out) return at_end();
        read_on(run, subscription, {}, at_end);
    });
}

void Subscriptions::read_on(RunId run, SubscriptionPtr subscription, std::string cursor, std::function<void()> at_end) {
    reads_.ask([this, run, subscription = std::move(subscription), cursor = std::move(cursor),
                at_end = std::move(at_end)](Store& store) {
        if (subscription->canceled) return at_end();
        auto page = store.results(run, PageRequest{kPage, cursor});
        if (!page) return at_end();  // the reads' trouble shows in every other answer too
        for (auto& view : page.value().items) {
            subscription->sent.insert(attempt_of(view));
            subscription->subscriber->event(event_of(std::move(view)));
        }
        if (page.value().next_cursor) return read_on(run, subscription, *page.value().next_cursor, at_end);
        at_end();
    });
}

void Subscriptions::go_live(RunId run, const SubscriptionPtr& subscription) {
    subscription->live = true;
    for (const auto& event : std::exchange(subscription->held, {})) deliver(*subscription, event);
    if (!subscription->over) return;
    if (!subscription->canceled) subscription->subscriber->end();
    remove(run, subscription->subscriber);
}

bool Subscriptions::remove(RunId run, const std::shared_ptr<RunSubscriber>& subscriber) {
    const auto at = table_.find(run);
    if (at == table_.end()) return false;
    auto& all = at->second;
    const auto found =
        std::find_if(all.begin(), all.end(), [&](const SubscriptionPtr& one) { return one->subscriber == subscriber; });
    if (found == all.end()) return false;
    (*found)->canceled = true;
    all.erase(found);
    if (all.empty()) table_.erase(at);
    return true;
}

void Subscriptions::happened(RunId run, const RunEvent& event) {
    const auto at = table_.find(run);
    if (at == table_.end()) return;
    const bool droppable = std::holds_alternative<std::shared_ptr<const RunProgress>>(event);
    for (const auto& subscription : at->second) {
        if (subscription->live)
            deliver(*subscription, event);
        else if (!droppable)
            subscription->held.push_back(event);
    }
}

void Subscriptions::ended(RunId run) {
    const auto at = table_.find(run);
    if (at == table_.end()) return;
    for (const auto& subscription : std::vector<SubscriptionPtr>(at->second)) {
        if (!subscription->live) {
            subscription->over = true;
            continue;
        }
        subscription->subscriber->end();
        remove(run, subscription->subscriber);
    }
}

void Subscriptions::end_all() {
    for (const auto& [run, all] : table_) {
        for (const auto& subscription : all) {
            subscription->canceled = true;
            subscription->subscriber->end();
        }
    }
    table_.clear();
}

}  // namespace edge::broker
