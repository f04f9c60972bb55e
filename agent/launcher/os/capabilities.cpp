#include "agent/launcher/os/capabilities.hpp"

#include <sys/capability.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>
#include <string>

#include "agent/launcher/sabotage.hpp"

namespace edge::launcher {
namespace {

constexpr std::array<cap_value_t, 4> kNeeded{CAP_SETUID, CAP_SETGID, CAP_NET_ADMIN, CAP_KILL};
/// Kept where they are there: without CAP_BPF the lines are held by nftables.
constexpr cap_value_t kUseful = CAP_BPF;

struct FreeCaps {
    void operator()(cap_t caps) const { ::cap_free(caps); }
};
using Caps = std::unique_ptr<std::remove_pointer_t<cap_t>, FreeCaps>;

std::string name_of(cap_value_t value) {
    const std::unique_ptr<char, int (*)(void*)> name(::cap_to_name(value), ::cap_free);
    return name ? std::string(name.get()) : std::to_string(value);
}

bool holds(cap_t caps, cap_value_t value, cap_flag_t set) {
    cap_flag_value_t there = CAP_CLEAR;
    return ::cap_get_flag(caps, value, set, &there) == 0 && there == CAP_SET;
}

/// Sets or clears one of this thread's. False if it is not held.
bool set_capability(cap_value_t value, cap_flag_t set, cap_flag_value_t to) {
    const Caps caps(::cap_get_proc());
    return caps && ::cap_set_flag(caps.get(), set, 1, &value, to) == 0 && ::cap_set_proc(caps.get()) == 0;
}

}  // namespace

Result<> keep_needed_capabilities(Privileges privileges, Namespaces namespaces) {
    if (privileges == Privileges::none) {
        if (keep_capability_to_enter(Namespaces::own)) return ok();
        return os_error(errno, "capabilities", "cannot be given up");
    }
    const Caps held(::cap_get_proc());
    const Caps kept(::cap_init());
    if (!held || !kept) return os_error(errno, "capabilities");

    std::string missing;
    for (const auto value : kNeeded) {
        if (!holds(held.get(), value, CAP_PERMITTED)) missing += (missing.empty() ? "" : ", ") + name_of(value);
    }
    if (::geteuid() != 0 || !missing.empty())
        return Error{Errc::denied, "privileges",
                     (::geteuid() != 0 ? std::string("not root") : "missing " + missing) +
                         "; run as root with cap_setuid, cap_setgid, cap_net_admin, cap_kill and cap_bpf"};

    if (EDGE_IS_OFF(launcher_capabilities)) return ok();
    const bool may_drop = holds(held.get(), CAP_SETPCAP, CAP_EFFECTIVE);
    for (cap_value_t value = 0; value < ::cap_max_bits(); ++value) {
        const bool needed = value == kUseful || (value == CAP_SYS_ADMIN && namespaces == Namespaces::others) ||
                            std::find(kNeeded.begin(), kNeeded.end(), value) != kNeeded.end();
        if (needed || ::cap_get_bound(value) != 1 || !may_drop) continue;  // a unit file may have cut it already
        if (::cap_drop_bound(value) != 0) return os_error(errno, "capabilities", "cannot drop " + name_of(value));
    }
    for (const auto set : {CAP_PERMITTED, CAP_EFFECTIVE}) {
        ::cap_set_flag(kept.get(), set, static_cast<int>(kNeeded.size()), kNeeded.data(), CAP_SET);
        if (holds(held.get(), kUseful, CAP_PERMITTED)) ::cap_set_flag(kept.get(), set, 1, &kUseful, CAP_SET);
    }
    for (const cap_value_t lent : {CAP_DAC_OVERRIDE, CAP_SYS_ADMIN}) {
        if (lent == CAP_SYS_ADMIN && namespaces == Namespaces::own) continue;
        if (holds(held.get(), lent, CAP_PERMITTED)) ::cap_set_flag(kept.get(), CAP_PERMITTED, 1, &lent, CAP_SET);
    }
    if (::cap_set_proc(kept.get()) != 0) return os_error(errno, "capabilities", "cannot be reduced");
    return ok();
}

bool keep_capability_to_enter(Namespaces namespaces) {
    const Caps kept(::cap_init());
    constexpr cap_value_t kLent = CAP_SYS_ADMIN;
    if (kept && namespaces == Namespaces::others) ::cap_set_flag(kept.get(), CAP_PERMITTED, 1, &kLent, CAP_SET);
    return kept && ::cap_set_proc(kept.get()) == 0;
}

bool may_enter_namespaces() {
    const Caps held(::cap_get_proc());
    return held && holds(held.get(), CAP_SYS_ADMIN, CAP_PERMITTED);
}

int with_sys_admin(const std::function<int()>& action) {
    set_capability(CAP_SYS_ADMIN, CAP_EFFECTIVE, CAP_SET);  // where that fails, so does the action
    const int result = action();
    const int why = errno;
    set_capability(CAP_SYS_ADMIN, CAP_EFFECTIVE, CAP_CLEAR);
    errno = why;
    return result;
}

int retry_with_dac_override(const std::function<int()>& action) {
    const int result = action();
    if (result >= 0 || errno != EACCES || !set_capability(CAP_DAC_OVERRIDE, CAP_EFFECTIVE, CAP_SET)) return result;
    const int again = action();
    const int why = errno;
    set_capability(CAP_DAC_OVERRIDE, CAP_EFFECTIVE, CAP_CLEAR);
    errno = why;
    return again;
}

void lower_dac_override() {
    set_capability(CAP_DAC_OVERRIDE, CAP_EFFECTIVE, CAP_CLEAR);
}

void forget_dac_override() {
    set_capability(CAP_DAC_OVERRIDE, CAP_PERMITTED, CAP_CLEAR);
}

}  // namespace edge::launcher
