// The launcher's privileges: five capabilities of root's forty, and nothing more from the first second on.
#pragma once
#include <string>
#include <vector>

#include "protocol/result.hpp"

namespace edge::launcher {

/// SETUID, SETGID: uid maps of workers, the socket's owner. NET_ADMIN: rules, routes, guards. BPF: loading guards.
/// KILL: signals to other uids. Mounts and namespaces need none: they are made in each worker's own user namespace.
std::vector<std::string> needed_capabilities();

/// Drops every other capability, the bounding set included. Call before anything else is opened.
/// Errors: denied, `detail` names what is missing.
Result<> keep_needed_capabilities();

}  // namespace edge::launcher
