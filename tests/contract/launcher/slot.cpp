#include "slot.hpp"

#include <fcntl.h>
#include <sys/file.h>

#include <stdexcept>

#include "agent/launcher/os/fd.hpp"
#include "carriers.hpp"
#include "launcher_process.hpp"

namespace edge::launcher::test {
namespace {

constexpr uid_t kFirstUid = 1'800'000'000;  // below the lab's, far above users and the ranges systemd hands out
constexpr uid_t kUidsPerRun = 10'000;

/// Two digits, so that no name is the beginning of another's: groups_named() finds by prefix.
constexpr unsigned kFirst = 10, kLast = 99;

std::string group_of(unsigned number) {
    return "edge-contract-" + std::to_string(number);
}

/// The kernel lets go of the lock when the run's last process is gone, however it went; what it left is then ours.
class Slot {
  public:
    Slot() {
        while (!lock(number_))
            if (++number_ > kLast) throw std::runtime_error("every number of this suite is in use; see /run");
        for (const auto& group : {group_of(number_), group_of(number_) + "-2"})
            if (groups_named(group) != "")  // not in this network namespace, whose rules may be somebody's
                sh("unshare --net \"$EDGE_LAUNCHER\" --cleanup --cgroup " + group);
    }
    unsigned number() const { return number_; }

  private:
    bool lock(unsigned number) {
        const auto path = "/run/" + group_of(number) + ".lock";
        held_ = Fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
        if (!held_) throw std::runtime_error(path + " cannot be opened");
        return ::flock(held_.get(), LOCK_EX | LOCK_NB) == 0;
    }

    unsigned number_ = kFirst;
    Fd held_;
};

unsigned number() {
    static const Slot slot;
    return slot.number();
}

}  // namespace

std::string own_group(const std::string& more) {
    return group_of(number()) + more;
}

uid_t own_uids() {
    return kFirstUid + (number() - kFirst) * kUidsPerRun;
}

}  // namespace edge::launcher::test
