// When a better uplink than the one in use is tried, and when the link goes back to it. Pure.
#pragma once
#include <chrono>
#include <cstddef>
#include <optional>

#include "agent/moment.hpp"

namespace edge::agent {

/// A better uplink is dialled three times within `steady`, and taken when it has answered for so long without a break;
/// no sooner than `every` after the uplink in use became another one.
class WayBack {
  public:
    struct Terms {
        std::chrono::milliseconds steady{60'000};
        std::chrono::milliseconds every{300'000};
    };

    explicit WayBack(Terms terms) : terms_(terms) {}

    /// The uplink in use is another one now.
    void moved(Time now);
    /// The best of those that are better than the one in use and not known to be down; none: there is no such.
    void better(std::optional<std::size_t> uplink, Time now);
    /// What is to be tried now, if anything; answered() follows.
    std::optional<std::size_t> due(Time now);
    /// True: go over to it, with the connection that was made for the trial.
    bool answered(bool well, Time now);
    std::optional<Time> deadline() const;

  private:
    Terms terms_;
    std::optional<std::size_t> uplink_;
    bool trying_ = false;
    bool stale_ = false;  // what is being tried is not asked for any more
    std::optional<Time> well_since_;
    Time next_{};
    std::optional<Time> moved_;
};

}  // namespace edge::agent
