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
        const Entry entry = take(id);
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
    };
    void add(Actions& out, Batch batch, Then then, Otherwise otherwise) {
        const WriteId id{++last_};
        out.writes.push_back(Write{id, std::move(batch), static_cast<bool>(otherwise)});
        entries_.push_back(Entry{id, std::move(then), std::move(otherwise)});
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
