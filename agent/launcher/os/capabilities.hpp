// The launcher's privileges: five capabilities of root's forty, and nothing more from the first second on.
#pragma once
#include <sys/types.h>

#include <functional>

#include "protocol/result.hpp"

namespace edge::launcher {

/// Keeps SETUID and SETGID (uid maps of workers, the socket's owner), NET_ADMIN (rules, routes, guards), BPF (loading
/// guards) and KILL (signals to other uids); drops all others, from the bounding set too. Mounts and namespaces need
/// none: they are made in each worker's own user namespace. Call before anything else is opened.
/// DAC_OVERRIDE, if held, stays permitted but not effective until `forget_dac_override`.
/// Errors: denied, `detail` names what is missing.
Result<> keep_needed_capabilities();

/// Runs `action`, which answers as system calls do; once more with DAC_OVERRIDE if the answer is EACCES. The root of a
/// control group tree is mode 0555, so outside a delegated group NAME itself cannot be made or removed without.
int retry_with_dac_override(const std::function<int()>& action);

/// Runs `action`, which answers as system calls do; files that it makes belong to `owner`. On the way back the kernel
/// raises every file capability that is permitted (capabilities(7), "Effect of user ID changes on capabilities"):
/// DAC_OVERRIDE is lowered again.
int as_owner(uid_t owner, const std::function<int()>& action);

/// It was not needed: now it cannot be used.
void forget_dac_override();

}  // namespace edge::launcher
