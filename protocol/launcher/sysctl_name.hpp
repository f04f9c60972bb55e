// A network device's part of the name of a sysctl, for a command that a person runs.
#pragma once
#include <algorithm>
#include <string>

namespace edge::launcher {

/// sysctl(8) divides at dots, and takes a slash for a dot in a part: a VLAN's `eth0.5` is `eth0/5` there.
inline std::string sysctl_name(std::string device) {
    std::replace(device.begin(), device.end(), '.', '/');
    return device;
}

}  // namespace edge::launcher
