// What EDGE has put into the kernel's networks: asked of ip(8) and /proc, namespace by namespace.
#pragma once
#include <string>
#include <vector>

#include "agent/site_report/site_facts.hpp"

namespace edge::agent {

/// The machine's own namespace, those of its lines, and any in which a launcher that was killed left something. Others
/// than the own are seen by root alone. Of `facts`: whose the launcher is, and its lines.
std::vector<SiteSpace> spaces_of(const SiteFacts& facts);

/// Those of the machine's own namespace: a launcher puts them in a group.
std::vector<SiteDevice> made_devices();

/// The devices that these were made on and that answer ARP for their own addresses alone.
std::vector<std::string> set_for_macvlans(const std::vector<SiteDevice>& devices);

}  // namespace edge::agent
