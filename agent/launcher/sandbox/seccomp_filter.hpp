// The first, wide system call filter: what nothing in a sandbox needs, from the loader to the last probe. The worker
// puts the tight allow-list on top of it once it is ready for work.
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
/// setsockopt joins no multicast group (EPERM).
/// Errors: unsupported.
Result<std::vector<sock_filter>> wide_filter();

}  // namespace edge::launcher
