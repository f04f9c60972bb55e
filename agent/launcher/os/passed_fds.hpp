// Packets of a unix socket that carry descriptors.
#pragma once
#include <cstddef>
#include <span>
#include <vector>

#include "agent/launcher/os/fd.hpp"

namespace edge::launcher {

inline constexpr std::size_t kMostPassedFds = 16;  // in one packet

/// False, and errno, if it was not sent.
bool send_with_fds(int to, std::span<const std::byte> packet, std::span<const int> fds);

struct Received {
    std::size_t bytes = 0;   // none: the other side is gone
    bool truncated = false;  // the packet did not fit, or a descriptor of it had no room in this process
    std::vector<Fd> fds;     // close at execve
};
/// One packet into `buffer`; waits for it.
Received receive_with_fds(int from, std::span<std::byte> buffer);

}  // namespace edge::launcher
