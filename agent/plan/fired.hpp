// Ticks of one line that have fired, as stretches from one of them to another. Pure.
#pragma once
#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

namespace edge::agent {

/// Units: microseconds since 1970.
class Fired {
  public:
    using Stretch = std::pair<std::uint64_t, std::uint64_t>;  // first and last tick of it
    static constexpr std::size_t kMost = 32;

    bool contains(std::uint64_t tick) const { return last_in_stretch_of(tick) != 0; }
    /// The last tick of the stretch that this one is in; 0: it is in none.
    std::uint64_t last_in_stretch_of(std::uint64_t tick) const {
        for (const auto& [first, last] : stretches_) {
            if (first <= tick && tick <= last) return last;
        }
        return 0;
    }
    /// The last one that is not later than this; 0: there is none.
    std::uint64_t last_before(std::uint64_t moment) const {
        std::uint64_t found = 0;
        for (const auto& [first, last] : stretches_) {
            if (first <= moment) found = std::max(found, std::min(last, moment));
        }
        return found;
    }
    /// Where there are too many stretches, the two nearest become one, and what is between them fires no more: of those
    /// up to this one, because what is between them is over unless somebody sets the clock back.
    void add(Stretch stretch) {
        stretches_.push_back(stretch);
        std::sort(stretches_.begin(), stretches_.end());
        std::vector<Stretch> joined;
        for (const Stretch& one : stretches_) {
            if (!joined.empty() && one.first <= joined.back().second)
                joined.back().second = std::max(joined.back().second, one.second);
            else
                joined.push_back(one);
        }
        while (joined.size() > kMost) join_nearest(joined, stretch.second);
        stretches_ = std::move(joined);
    }
    const std::vector<Stretch>& stretches() const { return stretches_; }

  private:
    static void join_nearest(std::vector<Stretch>& all, std::uint64_t upto) {
        std::size_t nearest = all.size() - 1;  // where all is yet to come: what comes last
        const auto gap = [&](std::size_t i) { return all[i].first - all[i - 1].second; };
        for (std::size_t i = all.size() - 1; i > 0; --i) {
            if (all[i].first <= upto && (all[nearest].first > upto || gap(i) < gap(nearest))) nearest = i;
        }
        all[nearest - 1].second = all[nearest].second;
        all.erase(all.begin() + static_cast<std::ptrdiff_t>(nearest));
    }

    std::vector<Stretch> stretches_;  // ascending, apart
};

}  // namespace edge::agent
