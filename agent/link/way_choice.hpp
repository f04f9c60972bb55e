// Which broker is dialled next, over which uplink. Pure.
#pragma once
#include <chrono>
#include <compare>
#include <cstddef>
#include <optional>
#include <set>
#include <vector>

#include "agent/moment.hpp"

namespace edge::agent {

/// Both are places in the lists of agent.toml.
struct Way {
    std::size_t uplink = 0;
    std::size_t broker = 0;
    friend auto operator<=>(const Way&, const Way&) = default;
};

/// What a connection's end is laid to. `none`: a session that was live ended in an orderly way.
enum class Fault { none, broker, uplink };

/// The broker that worked last is tried first. An uplink that fell silent comes last until a session is live again;
/// one that is not usable comes last as long as it is not. A broker that asked for time is left alone meanwhile, unless
/// all did.
class WayChoice {
  public:
    WayChoice(std::size_t uplinks, std::size_t brokers);

    /// The next to dial: the best that was not tried since the last session, or the best of all when all were.
    Way next(Time now);
    void live(const Way& way);
    /// Dialling it failed, or its session ended. True: another was not tried yet, and can be at once.
    bool ended(const Way& way, Fault fault, Time now);
    /// The broker asked for so much time, over whatever uplink.
    void rest(std::size_t broker, Time until) { rests_until_[broker] = until; }
    /// For how long every broker is to be left alone; 0 where one is not.
    std::chrono::milliseconds all_rest(Time now) const;
    /// What is known of an uplink without dialling: its line is up. All are usable at first.
    void usable(std::size_t uplink, bool usable);
    bool is_usable(std::size_t uplink) const { return usable_[uplink]; }
    std::size_t count() const { return usable_.size() * brokers_; }
    /// It is asked first from now on.
    void prefer(std::size_t broker) { good_broker_ = broker; }
    /// The broker to be asked first.
    std::size_t broker() const { return good_broker_; }

  private:
    std::optional<Way> best_untried(Time now) const;

    std::size_t brokers_;
    std::size_t good_broker_ = 0;
    std::vector<Time> rests_until_;  // by broker
    std::vector<bool> usable_;       // by uplink
    std::set<std::size_t> silent_;   // uplinks
    std::set<Way> tried_;
};

}  // namespace edge::agent
