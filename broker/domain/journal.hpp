// Writes under way, and what is to happen when each is on the disk: nothing is acknowledged, answered or shown before.
#pragma once
#include <deque>
#include <functional>
#include <utility>

#include "broker/domain/actions.hpp"

namespace edge::broker {

class Journal {
  public:
    using Then = std::function<void(Now, Actions&)>;
    using Otherwise = std::function<void(const Error&, Now, Actions&)>;

    /// Kept until the store takes it.
    void write(Actions& out, Batch batch, Then then) { add(out, std::move(batch), std::move(then), nullptr); }
    /// For somebody who waits: `otherwise` runs when the store refuses it.
    void ask(Actions& out, Batch batch, Then then, Otherwise otherwise) {
        add(out, std::move(batch), std::move(then), std::move(otherwise));
    }

    void committed(WriteId id, Now now, Actions& out) {
        Entry entry = take(id);
        if (!entry.deliveries.empty()) out.effects.push_back(DeliveriesTold{std::move(entry.deliveries)});
        if (entry.then) entry.then(now, out);
    }
    void failed(WriteId id, const Error& error, Now now, Actions& out) {
        const Entry entry = take(id);
        if (entry.otherwise) entry.otherwise(error, now, out);
    }
    std::size_t under_way() const { return entries_.size(); }

  private:
    struct Entry {
        WriteId id{};
        Then then;
        Otherwise otherwise;
        std::vector<DueDelivery> deliveries;  // of the batch, for the sender
    };
    void add(Actions& out, Batch batch, Then then, Otherwise otherwise) {
        const WriteId id{++last_};
        entries_.push_back(Entry{id, std::move(then), std::move(otherwise), deliveries_of(batch)});
        out.writes.push_back(Write{id, std::move(batch), static_cast<bool>(entries_.back().otherwise)});
    }
    static std::vector<DueDelivery> deliveries_of(const Batch& batch) {
        std::vector<DueDelivery> found;
        for (const auto& change : batch) {
            if (const auto* made = std::get_if<AddDelivery>(&change)) found.push_back(made->due);
            if (const auto* again = std::get_if<ReplayDelivery>(&change)) found.push_back(again->due);
        }
        return found;
    }
    /// Answers come in order, but for a refusal that overtakes writes which are kept.
    Entry take(WriteId id) {
        for (auto at = entries_.begin(); at != entries_.end(); ++at) {
            if (at->id != id) continue;
            Entry entry = std::move(*at);
            entries_.erase(at);
            return entry;
        }
        return {};
    }

    std::deque<Entry> entries_;
    std::uint64_t last_ = 0;
};

}  // namespace edge::broker
