// System call filters. The wide one of a sandbox: what nothing in it needs, from the loader to the last probe; the
// worker puts the tight allow-list on top of it once it is ready for work. And the launcher's own.
#pragma once
#include <linux/filter.h>

#include <span>
#include <string_view>
#include <vector>

#include "protocol/result.hpp"

namespace edge::launcher {

/// Calls that answer EPERM: mounts and namespaces, other processes' memory, kernel facilities with a history of holes,
/// the machine's clock and power, and listening: a worker only goes out.
std::span<const std::string_view> denied_calls();

/// The filter as BPF, made before fork because libseccomp allocates. Also: clone3 answers ENOSYS (its flags cannot be
/// seen, glibc then uses clone), clone may not make namespaces, socket makes AF_INET and AF_INET6 only (EAFNOSUPPORT),
/// and of TCP, UDP and ICMP (EPROTONOSUPPORT), socketpair pairs of unix streams; setsockopt joins no multicast group,
/// prctl leaves the death signal, and there are no threads (EPERM). Errors: unsupported.
Result<std::vector<sock_filter>> wide_filter();

/// What the launcher itself still needs when it serves.
struct LauncherCalls {
    bool bpf = false;       // its guard is made anew when a device is
    bool setns = false;     // lines in other network namespaces
    bool programs = false;  // nft
};
/// The launcher's own filter, for ever and from now on: the list above but for accepting clients and what `calls` says;
/// no program is executed, no namespace made, and sockets are of AF_UNIX and AF_NETLINK only. It reads the agent's
/// packets, so it is what an attacker would have. Errors: unsupported.
Result<> confine_launcher(const LauncherCalls& calls);

}  // namespace edge::launcher
