#include "probes/worker/landlock.hpp"

#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>

namespace edge::probes {
namespace {

// Debian 12's header is of ABI 2; the kernel may know more, so the numbers are written here.
struct RulesetAttribute {
    std::uint64_t handled_access_fs = 0;
    std::uint64_t handled_access_net = 0;  // since ABI 4
    std::uint64_t scoped = 0;              // since ABI 6
};
constexpr long kCreateRuleset = 444;
constexpr long kRestrictSelf = 446;
constexpr unsigned kAskForVersion = 1;
constexpr std::uint64_t kBindTcp = 1;
constexpr std::uint64_t kScopeAbstractUnixAndSignal = 3;

/// Every file right that the ABI knows.
std::uint64_t file_rights(long abi) {
    if (abi >= 5) return (1u << 16) - 1;  // + ioctl on devices
    if (abi >= 3) return (1u << 15) - 1;  // + truncate
    if (abi == 2) return (1u << 14) - 1;  // + refer
    return (1u << 13) - 1;
}

}  // namespace

bool give_up_files() {
    const long abi = syscall(kCreateRuleset, nullptr, 0, kAskForVersion);
    if (abi < 1) return false;
    RulesetAttribute attribute;
    attribute.handled_access_fs = file_rights(abi);
    std::size_t size = sizeof(std::uint64_t);
    if (abi >= 4) {
        attribute.handled_access_net = kBindTcp;
        size = 2 * sizeof(std::uint64_t);
    }
    if (abi >= 6) {
        attribute.scoped = kScopeAbstractUnixAndSignal;
        size = sizeof attribute;
    }
    const int ruleset = static_cast<int>(syscall(kCreateRuleset, &attribute, size, 0));
    if (ruleset < 0) return false;
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    const bool is_on = syscall(kRestrictSelf, ruleset, 0) == 0;  // no rule was added: nothing is allowed
    close(ruleset);
    return is_on;
}

}  // namespace edge::probes
