// The figures of sandboxes where the guards' programs count them: an array, because its look-up is a few instructions
// of the program itself. A hash of cgroups took 2 to 3 % of what a UDP packet costs in all.
#pragma once
#include <cstdint>
#include <vector>

#include "agent/launcher/os/fd.hpp"
#include "protocol/launcher/messages.hpp"
#include "protocol/result.hpp"

namespace edge::launcher {

struct TrafficPlace {
    std::uint64_t cgroup = 0;  // 0: free
    Traffic traffic{};
};
inline constexpr std::uint32_t kTrafficPlaces = 4096;  // a power of 2, four times as many as sandboxes can be
inline constexpr std::uint32_t kTrafficTries = 4;      // a cgroup has one of as many places, from its first on

/// Groups are numbered in steps, by the files in each, so they are spread: by a product's middle bits.
inline constexpr std::int32_t kTrafficSpread = 0x1e3779b1;
inline constexpr std::int32_t kTrafficShift = 20;
constexpr std::uint32_t first_place(std::uint64_t cgroup) {
    return static_cast<std::uint32_t>(cgroup * kTrafficSpread >> kTrafficShift) % kTrafficPlaces;
}

class TrafficTable {
  public:
    /// Errors: unsupported.
    static Result<TrafficTable> make();

    const Fd& map() const { return map_; }
    /// From now on the cgroup is counted. Errors: unavailable (its places are taken), unsupported.
    Result<> begin(std::uint64_t cgroup);
    /// Of one that is not counted: nothing.
    Traffic of(std::uint64_t cgroup) const;
    void end(std::uint64_t cgroup);

  private:
    explicit TrafficTable(Fd map) : map_(std::move(map)), cgroups_(kTrafficPlaces) {}
    /// The place that has `held`, one of those of `cgroup`; none: kTrafficPlaces.
    std::uint32_t place_of(std::uint64_t cgroup, std::uint64_t held) const;
    Result<> put(std::uint32_t place, std::uint64_t cgroup);

    Fd map_;
    std::vector<std::uint64_t> cgroups_;  // as they stand in the map
};

}  // namespace edge::launcher
