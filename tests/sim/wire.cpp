#include "tests/sim/wire.hpp"

namespace edge::sim {

void Wire::send(Side from, std::string text) {
    const Side to = other(from);
    if (!ends_[from] || silent_[from]) return;
    Us when = std::max(last_[to], timeline_.now() + chance_.between(weather_.latency_from, weather_.latency_to));
    last_[to] = when;
    if (chance_.permille(weather_.vanishes)) {
        ++counts_.vanished;
        return;
    }
    if (chance_.permille(weather_.swapped)) {
        ++counts_.swapped;
        when += chance_.between(weather_.latency_from, 4 * weather_.latency_to);
    }
    if (chance_.permille(weather_.twice)) {
        ++counts_.twice;
        deliver_at(when, to, text);
    }
    if (chance_.permille(weather_.again)) {
        ++counts_.again;
        deliver_at(when + chance_.between(kSecond, 20 * kSecond), to, text);
    }
    deliver_at(when, to, std::move(text));
}

void Wire::deliver_at(Us when, Side to, std::string text) {
    timeline_.at(when, [self = shared_from_this(), to, text = std::move(text)]() mutable {
        if (const auto end = self->ends_[to]; end && !self->silent_[other(to)]) end->message(std::move(text));
    });
}

void Wire::end(Side side) {
    if (const auto end = std::exchange(ends_[side], nullptr)) end->closed();
}

void Wire::close(Side from) {
    const Side to = other(from);
    end(from);
    if (silent_[from]) return;
    const Us when = std::max(last_[to], timeline_.now() + weather_.latency_from);
    timeline_.at(when, [self = shared_from_this(), to] { self->end(to); });
}

void Wire::cut() {
    end(agent);
    end(broker);
}

}  // namespace edge::sim
