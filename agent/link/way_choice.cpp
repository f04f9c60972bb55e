#include "agent/link/way_choice.hpp"

#include <algorithm>
#include <tuple>

namespace edge::agent {

WayChoice::WayChoice(std::size_t uplinks, std::size_t brokers)
    : brokers_(brokers), rests_until_(brokers), usable_(uplinks, true) {}

std::optional<Way> WayChoice::best_untried(Time now) const {
    std::optional<Way> best;
    const auto rank = [this](const Way& way) {
        return std::tuple(!usable_[way.uplink], silent_.contains(way.uplink), way.uplink, way.broker != good_broker_,
                          way.broker);
    };
    for (std::size_t uplink = 0; uplink < usable_.size(); ++uplink) {
        for (std::size_t broker = 0; broker < brokers_; ++broker) {
            const Way way{uplink, broker};
            if (rests_until_[broker] <= now && !tried_.contains(way) && (!best || rank(way) < rank(*best))) best = way;
        }
    }
    return best;
}

Way WayChoice::next(Time now) {
    if (const auto way = best_untried(now)) return *way;
    tried_.clear();
    silent_.clear();
    if (const auto way = best_untried(now)) return *way;
    rests_until_.assign(brokers_, Time{});  // all asked for time: somebody has to be dialled
    return *best_untried(now);
}

std::chrono::milliseconds WayChoice::all_rest(Time now) const {
    const Time first = std::max(now, *std::ranges::min_element(rests_until_));
    return std::chrono::ceil<std::chrono::milliseconds>(first - now);
}

void WayChoice::live(const Way& way) {
    good_broker_ = way.broker;
    rests_until_[way.broker] = Time{};
    tried_.clear();
    silent_.clear();
}

bool WayChoice::ended(const Way& way, Fault fault, Time now) {
    if (fault == Fault::none) return false;
    if (fault == Fault::uplink) silent_.insert(way.uplink);
    tried_.insert(way);
    return best_untried(now).has_value();
}

void WayChoice::usable(std::size_t uplink, bool usable) {
    usable_[uplink] = usable;
}

}  // namespace edge::agent
