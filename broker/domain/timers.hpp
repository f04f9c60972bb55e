// Deadlines, the earliest first. Each is set once and fires once.
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <utility>

#include "broker/domain/actions.hpp"

namespace edge::broker {

class Timers {
  public:
    using Callback = std::function<void(Now, Actions&)>;
    using Handle = std::pair<std::uint64_t, std::uint64_t>;  // when, and which of that moment

    Handle set(std::uint64_t at, Callback callback) {
        const Handle handle{at, ++last_};
        pending_.emplace(handle, std::move(callback));
        return handle;
    }
    void cancel(Handle handle) { pending_.erase(handle); }
    void fire(Now now, Actions& out) {
        while (!pending_.empty() && pending_.begin()->first.first <= now.mono) {
            const Callback callback = std::move(pending_.begin()->second);
            pending_.erase(pending_.begin());
            callback(now, out);
        }
    }
    std::optional<std::uint64_t> next() const {
        return pending_.empty() ? std::nullopt : std::optional(pending_.begin()->first.first);
    }

  private:
    std::map<Handle, Callback> pending_;
    std::uint64_t last_ = 0;
};

}  // namespace edge::broker
