#include "agent/launcher/lines/device_plan.hpp"

namespace edge::launcher {

DeviceChanges device_changes(const std::vector<Line>& lines, const Devices& devices, const MadeOn& made_on,
                             const std::set<std::uint32_t>& stood) {
    DeviceChanges changes;
    Devices::const_iterator parent;
    std::map<std::string, std::pair<const Line*, std::uint32_t>> wanted;  // with the parent's index
    for (const auto& line : lines)
        if (line.kind == LineKind::macvlan && (parent = devices.find(line.parent)) != devices.end())
            wanted[line.device] = {&line, parent->second.index};

    for (const auto& [name, device] : devices) {
        const auto found = wanted.find(name);
        if (!device.made) {
            if (found != wanted.end()) wanted.erase(found);
            continue;
        }
        const auto on = made_on.find(name);
        if (found == wanted.end() || on == made_on.end() || on->second != found->second.second) {
            changes.remove.push_back(device.index);
            continue;
        }
        if (!device.up && stood.contains(device.index)) changes.raise[name] = device.index;
        for (const auto& address : found->second.first->addresses)
            if (device.find(address) == nullptr) changes.assign.push_back({device.index, {address, address.length}});
        wanted.erase(found);
    }
    for (const auto& [name, line] : wanted) changes.make.push_back({name, line.second, line.first->mac});
    return changes;
}

const Device* device_of(const Line& line, const Devices& devices) {
    const auto found = devices.find(line.device);
    const bool theirs = found != devices.end() && line.kind == LineKind::macvlan && !found->second.made;
    return found == devices.end() || theirs ? nullptr : &found->second;
}

}  // namespace edge::launcher
