// Which devices the lines want made, and how to get there from what the kernel has. Pure.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "agent/launcher/lines/routing_plan.hpp"

namespace edge::launcher {

/// The group (IFLA_GROUP) of every device we make: what a crash left is known by it. It is set in the request that
/// makes the device, so that there is never one without. `ip link show group 1162102597` lists them.
inline constexpr std::uint32_t kDeviceGroup = 0x45444745;  // "EDGE"

struct NewDevice {
    std::string name;
    std::uint32_t parent = 0;  // ifindex
    std::optional<MacAddress> mac;
    friend bool operator==(const NewDevice&, const NewDevice&) = default;
};

struct NewAddress {
    std::uint32_t device = 0;
    Device::Assigned address{};
    friend bool operator==(const NewAddress&, const NewAddress&) = default;
};

/// In the order in which to apply them.
struct DeviceChanges {
    std::vector<std::uint32_t> remove;           // by index; of ours only
    std::map<std::string, std::uint32_t> raise;  // the index by name; of ours only
    std::vector<NewDevice> make;                 // their addresses are the next changes
    std::vector<NewAddress> assign;
    bool empty() const { return remove.empty() && raise.empty() && make.empty() && assign.empty(); }
};

/// The parent's index that each of our devices was made on, by the device's name. One that is not in it is a crash's.
using MadeOn = std::map<std::string, std::uint32_t>;

/// A device of somebody else's that has the wanted name stays as it is, and the line without one.
/// `stood`: the indices of ours that have been up. One that is down was put down by somebody; any other of ours that is
/// down failed half-way (made_devices.hpp), and stays so.
DeviceChanges device_changes(const std::vector<Line>& lines, const Devices& devices, const MadeOn& made_on,
                             const std::set<std::uint32_t>& stood = {});

/// The line's device among those of its network namespace, or null. One of somebody else's under the name of one that
/// we were to make is not the line's.
const Device* device_of(const Line& line, const Devices& devices);

}  // namespace edge::launcher
