#include "broker/live/outbox.hpp"

#include <algorithm>

#include "broker/live/stream_messages.hpp"

namespace edge::broker::live {

bool Outbox::add(Waiting waiting) {
    if (bytes_ + waiting.size() > kMostWaiting) return false;
    bytes_ += waiting.size();
    queue_.push_back(std::move(waiting));
    return true;
}

void Outbox::drop(Queue::iterator at) {
    bytes_ -= at->size();
    if (at->event && !at->event->object.empty()) latest_.erase({at->sub, at->event->object});
    queue_.erase(at);
}

void Outbox::note_gap(std::uint32_t sub, std::uint64_t seq) {
    const auto [gap, is_new] = gaps_.try_emplace(sub, Gap{seq, seq});
    gap->second.to = seq;
}

bool Outbox::drop_oldest(std::uint32_t sub) {
    const auto at = std::ranges::find_if(queue_, [sub](const Waiting& one) { return one.sub == sub && one.event; });
    if (at == queue_.end()) return false;
    note_gap(sub, at->event->seq);
    drop(at);
    return true;
}

bool Outbox::push(std::string message) {
    return add({0, nullptr, std::move(message)});
}

bool Outbox::push(std::uint32_t sub, TopicEventPtr event) {
    Waiting waiting{sub, std::move(event)};
    if (waiting.event->object.empty()) {
        while (bytes_ + waiting.size() > kDropAbove) {
            if (drop_oldest(sub)) continue;
            note_gap(sub, waiting.event->seq);  // it alone is too much beside what others wait for
            return true;
        }
        return add(std::move(waiting));
    }
    const auto key = std::pair(sub, waiting.event->object);
    if (const auto older = latest_.find(key); older != latest_.end()) drop(older->second);
    if (!add(std::move(waiting))) return false;
    latest_[key] = std::prev(queue_.end());
    return true;
}

bool Outbox::end(std::uint32_t sub) {
    if (const auto gap = gaps_.find(sub); gap != gaps_.end()) {
        if (!push(gap_text(sub, gap->second.from, gap->second.to))) return false;
        gaps_.erase(gap);
    }
    return push(end_text(sub));
}

void Outbox::forget(std::uint32_t sub) {
    for (auto at = queue_.begin(); at != queue_.end();) {
        const auto next = std::next(at);
        if (at->event && at->sub == sub) drop(at);
        at = next;
    }
    gaps_.erase(sub);
}

std::optional<std::string> Outbox::take() {
    if (queue_.empty()) {
        if (gaps_.empty()) return std::nullopt;
        const auto [sub, gap] = *gaps_.begin();
        gaps_.erase(gaps_.begin());
        return gap_text(sub, gap.from, gap.to);
    }
    const auto first = queue_.begin();
    if (first->event) {
        if (const auto gap = gaps_.find(first->sub); gap != gaps_.end()) {
            auto text = gap_text(first->sub, gap->second.from, gap->second.to);
            gaps_.erase(gap);
            return text;
        }
    }
    std::string text = first->event ? event_text(first->sub, *first->event) : first->message;
    drop(first);
    return text;
}

}  // namespace edge::broker::live
