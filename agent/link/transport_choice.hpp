// What carries the link over a way: a WebSocket, or requests that wait where none was to be had. Pure.
#pragma once
#include <chrono>
#include <map>
#include <optional>

#include "agent/link/way_choice.hpp"
#include "agent/moment.hpp"
#include "protocol/link/uplink.hpp"

namespace edge::agent {

class TransportChoice {
  public:
    /// `only`: agent.toml's; none: as it is found.
    explicit TransportChoice(std::optional<link::LinkTransport> only) : only_(only) {}

    link::LinkTransport next(const Way& way, Time now) const {
        if (only_) return *only_;
        const auto found = without_.find(way);
        const bool polls = found != without_.end() && found->second.times >= kTimes && now < found->second.last + kFor;
        return polls ? link::LinkTransport::poll : link::LinkTransport::websocket;
    }
    /// A WebSocket was not to be had over that way, though the broker was there: it may have been about to end. True:
    /// it was so again, and requests can be tried at once.
    bool no_websocket(const Way& way, Time now) {
        if (only_) return false;
        Without& known = without_[way];
        known.last = now;
        return ++known.times >= kTimes;
    }
    /// A session over a WebSocket came about there; or none by requests.
    void forget(const Way& way) { without_.erase(way); }

  private:
    static constexpr unsigned kTimes = 2;  // in a row
    static constexpr std::chrono::hours kFor{1};
    struct Without {
        unsigned times = 0;
        Time last{};
    };

    std::optional<link::LinkTransport> only_;
    std::map<Way, Without> without_;
};

}  // namespace edge::agent
