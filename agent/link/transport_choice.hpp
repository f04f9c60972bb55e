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
        const auto found = no_websocket_.find(way);
        const bool polls = found != no_websocket_.end() && now < found->second + kBelieved;
        return polls ? link::LinkTransport::poll : link::LinkTransport::websocket;
    }
    /// A WebSocket was not to be had over that way. True: the other transport can be tried at once.
    bool no_websocket(const Way& way, Time now) {
        if (only_) return false;
        no_websocket_[way] = now;
        return true;
    }
    /// Nor were requests answered: the next try is a WebSocket again.
    void no_poll(const Way& way) { no_websocket_.erase(way); }

  private:
    static constexpr std::chrono::hours kBelieved{1};

    std::optional<link::LinkTransport> only_;
    std::map<Way, Time> no_websocket_;  // since when
};

}  // namespace edge::agent
