// The launcher's privileges: five capabilities of root's forty, or none, and nothing more from the first second on.
#pragma once
#include <functional>

#include "protocol/result.hpp"

namespace edge::launcher {

/// Whose launcher it is. An ordinary user's changes nothing that is the machine's, neither rule, route, device, control
/// group nor guard, and all its workers have its own uid.
enum class Privileges { root, none };

/// Keeps SETUID and SETGID (uid maps of workers, the socket's owner), NET_ADMIN (rules, routes, guards), BPF (loading
/// guards) and KILL (signals to other uids); drops all others, from the bounding set too. Mounts and namespaces need
/// none: they are made in each worker's own user namespace. Call before anything else is opened.
/// DAC_OVERRIDE, if held, stays permitted but not effective until `forget_dac_override`. So does SYS_ADMIN if lines are
/// in other network namespaces, for `with_sys_admin` alone.
/// Without privileges none is kept.
/// Errors: denied, `detail` names what is missing.
enum class Namespaces { own, others };
Result<> keep_needed_capabilities(Privileges privileges, Namespaces namespaces);

/// Of the process that only starts workers: none is left, but SYS_ADMIN for `with_sys_admin` where they live in other
/// network namespaces. False if that failed.
bool keep_capability_to_enter(Namespaces namespaces);

/// setns(2) needs it, and nothing else of ours.
bool may_enter_namespaces();
/// Runs `action`, which answers as system calls do, with SYS_ADMIN.
int with_sys_admin(const std::function<int()>& action);

/// Runs `action`, which answers as system calls do; once more with DAC_OVERRIDE if the answer is EACCES. The root of a
/// control group tree is mode 0555, so outside a delegated group NAME itself cannot be made or removed without.
int retry_with_dac_override(const std::function<int()>& action);

/// Call after setfsuid(2) back to 0, by which the kernel makes it effective again (capabilities(7)).
void lower_dac_override();

/// It was not needed: now it cannot be used.
void forget_dac_override();

}  // namespace edge::launcher
