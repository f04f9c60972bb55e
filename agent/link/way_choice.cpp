#include "agent/link/way_choice.hpp"

#include <tuple>

namespace edge::agent {

WayChoice::WayChoice(std::size_t uplinks, std::size_t brokers) : brokers_(brokers), usable_(uplinks, true) {}

std::optional<Way> WayChoice::best_untried() const {
    std::optional<Way> best;
    const auto rank = [this](const Way& way) {
        return std::tuple(!usable_[way.uplink], silent_.contains(way.uplink), way.uplink, way.broker != good_broker_,
                          way.broker);
    };
    for (std::size_t uplink = 0; uplink < usable_.size(); ++uplink) {
        for (std::size_t broker = 0; broker < brokers_; ++broker) {
            const Way way{uplink, broker};
            if (!tried_.contains(way) && (!best || rank(way) < rank(*best))) best = way;
        }
    }
    return best;
}

Way WayChoice::next() {
    if (const auto way = best_untried()) return *way;
    tried_.clear();
    silent_.clear();
    return *best_untried();
}

void WayChoice::live(const Way& way) {
    good_broker_ = way.broker;
    tried_.clear();
    silent_.clear();
}

bool WayChoice::ended(const Way& way, Fault fault) {
    if (fault == Fault::none) return false;
    if (fault == Fault::uplink) silent_.insert(way.uplink);
    tried_.insert(way);
    return best_untried().has_value();
}

void WayChoice::usable(std::size_t uplink, bool usable) {
    usable_[uplink] = usable;
}

}  // namespace edge::agent
