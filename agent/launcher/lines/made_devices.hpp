// How a device of ours is made, over rtnetlink, in the socket's network namespace.
#pragma once
#include "agent/launcher/lines/device_plan.hpp"
#include "agent/launcher/os/netlink.hpp"

namespace edge::launcher {

/// A macvlan, up, that keeps to itself: it takes no route from router advertisements and answers ARP for its own
/// addresses only. Mode `private`: what else is on macvlans of its parent reaches it, and is reached, over the wire
/// alone. Errors: io, unsupported. What failed half-way stays down, tagged; it is not tried again before its parent is
/// another.
Result<> make_macvlan(Netlink& netlink, const NewDevice& device);

/// Without its connected route, which belongs into the line's table; without duplicate address detection, which takes a
/// second or two: the operator knows whose address it is.
Result<> assign_address(Netlink& netlink, const NewAddress& address);

/// One that make_macvlan finished: what it set on the device is kept while that is down.
Result<> raise_device(Netlink& netlink, std::uint32_t index);

Result<> remove_device(Netlink& netlink, std::uint32_t index);

}  // namespace edge::launcher
