#include "agent/launcher/os/capabilities.hpp"

#include <sys/capability.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>

namespace edge::launcher {
namespace {

constexpr std::array<cap_value_t, 5> kNeeded{CAP_SETUID, CAP_SETGID, CAP_NET_ADMIN, CAP_BPF, CAP_KILL};

struct FreeCaps {
    void operator()(cap_t caps) const { ::cap_free(caps); }
};
using Caps = std::unique_ptr<std::remove_pointer_t<cap_t>, FreeCaps>;

std::string name_of(cap_value_t value) {
    const std::unique_ptr<char, int (*)(void*)> name(::cap_to_name(value), ::cap_free);
    return name ? std::string(name.get()) : std::to_string(value);
}

}  // namespace

std::vector<std::string> needed_capabilities() {
    std::vector<std::string> names;
    for (const auto value : kNeeded) names.push_back(name_of(value));
    return names;
}

Result<> keep_needed_capabilities() {
    const Caps held(::cap_get_proc());
    const Caps kept(::cap_init());
    if (!held || !kept) return os_error(errno, "capabilities");

    std::string missing;
    for (const auto value : kNeeded) {
        cap_flag_value_t set = CAP_CLEAR;
        ::cap_get_flag(held.get(), value, CAP_PERMITTED, &set);
        if (set != CAP_SET) missing += (missing.empty() ? "" : ", ") + name_of(value);
    }
    if (::geteuid() != 0 || !missing.empty())
        return Error{Errc::denied, "privileges",
                     (::geteuid() != 0 ? std::string("not root") : "missing " + missing) +
                         "; run as root with cap_setuid, cap_setgid, cap_net_admin, cap_bpf and cap_kill"};

    cap_flag_value_t may_drop = CAP_CLEAR;
    ::cap_get_flag(held.get(), CAP_SETPCAP, CAP_EFFECTIVE, &may_drop);
    for (cap_value_t value = 0; value < ::cap_max_bits(); ++value) {
        const bool needed = std::find(kNeeded.begin(), kNeeded.end(), value) != kNeeded.end();
        if (needed || ::cap_get_bound(value) != 1 || may_drop != CAP_SET) continue;  // a unit file may have cut it already
        if (::cap_drop_bound(value) != 0) return os_error(errno, "capabilities", "cannot drop " + name_of(value));
    }
    for (const auto set : {CAP_PERMITTED, CAP_EFFECTIVE})
        ::cap_set_flag(kept.get(), set, static_cast<int>(kNeeded.size()), kNeeded.data(), CAP_SET);
    if (::cap_set_proc(kept.get()) != 0) return os_error(errno, "capabilities", "cannot be reduced");
    return ok();
}

}  // namespace edge::launcher
