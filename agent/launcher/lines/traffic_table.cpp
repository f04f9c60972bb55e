#include "agent/launcher/lines/traffic_table.hpp"

#include <string>
#include <utility>

#include "agent/launcher/os/bpf.hpp"

namespace edge::launcher {

Result<TrafficTable> TrafficTable::make() {
    EDGE_TRY(auto map, make_bpf_map(BPF_MAP_TYPE_ARRAY, sizeof(std::uint32_t), sizeof(TrafficPlace), kTrafficPlaces));
    return TrafficTable(std::move(map));
}

std::uint32_t TrafficTable::place_of(std::uint64_t cgroup, std::uint64_t held) const {
    for (std::uint32_t nth = 0; nth < kTrafficTries; ++nth) {
        const auto place = (first_place(cgroup) + nth) % kTrafficPlaces;
        if (cgroups_[place] == held) return place;
    }
    return kTrafficPlaces;
}

Result<> TrafficTable::put(std::uint32_t place, std::uint64_t cgroup) {
    const TrafficPlace fresh{.cgroup = cgroup};
    EDGE_TRY(set_bpf_entry(map_, &place, &fresh));
    cgroups_[place] = cgroup;
    return ok();
}

Result<> TrafficTable::begin(std::uint64_t cgroup) {
    const auto place = place_of(cgroup, 0);
    if (place < kTrafficPlaces) return put(place, cgroup);
    return Error{Errc::unavailable, "cgroup " + std::to_string(cgroup), "there is no place for its figures"};
}

Traffic TrafficTable::of(std::uint64_t cgroup) const {
    const auto place = place_of(cgroup, cgroup);
    TrafficPlace found;
    if (place < kTrafficPlaces && get_bpf_entry(map_, &place, &found)) return found.traffic;
    return {};
}

void TrafficTable::end(std::uint64_t cgroup) {
    const auto place = place_of(cgroup, cgroup);
    if (place < kTrafficPlaces) (void)put(place, 0);  // if it stays it counts nobody: no cgroup comes back
}

}  // namespace edge::launcher
