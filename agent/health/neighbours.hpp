// The kernel's neighbour table: does it reach this address on that device?
#pragma once
#include <cstdint>
#include <string>

#include "agent/health/health_fsm.hpp"

namespace edge::agent {

/// Asks once; no capability is needed. unknown where the kernel has no entry, has not confirmed one lately, or cannot
/// be asked. Source: rtnetlink(7), RTM_GETNEIGH; the states of linux/neighbour.h.
Neighbour neighbour_state(std::uint32_t ifindex, const std::string& address);

}  // namespace edge::agent
