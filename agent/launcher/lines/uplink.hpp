// A socket of a line's for the agent's own link, which is no worker.
#pragma once
#include "agent/launcher/os/fd.hpp"
#include "protocol/launcher/messages.hpp"
#include "protocol/result.hpp"

namespace edge::launcher {

struct Uplink {
    UplinkSocket info;
    Fd fd;
};

/// Bound to the line's device, its mark where it has one, and its first address of the family that the device has; not
/// connected. In the network namespace that the caller is in. Errors: unavailable (no device, no such address), io.
Result<Uplink> open_uplink(const LineInfo& line, const OpenUplink& asked);

}  // namespace edge::launcher
