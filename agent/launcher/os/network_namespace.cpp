#include "agent/launcher/os/network_namespace.hpp"

#include <fcntl.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdlib>

#include "agent/launcher/os/capabilities.hpp"

namespace edge::launcher {
namespace {

int move_to(const Fd& to) {
    return with_sys_admin([&] { return ::setns(to.get(), CLONE_NEWNET); });
}

}  // namespace

Result<Fd> open_namespace(const std::string& path) {
    Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
    // EACCES: `ip netns add` makes an empty file that nobody may read, and binds the namespace to it then.
    if (!fd) return Error{Errc::not_found, path, "no such network namespace", errno};
    if (::ioctl(fd.get(), NS_GET_NSTYPE) == CLONE_NEWNET) return fd;
    return Error{Errc::bad_value, path, "is no network namespace", 0};
}

bool is_same_namespace(const Fd& one, const Fd& other) {
    struct stat a {
    }, b{};
    return ::fstat(one.get(), &a) == 0 && ::fstat(other.get(), &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

Result<NamespaceVisit> NamespaceVisit::enter(const Fd& to) {
    NamespaceVisit visit;
    visit.home_ = Fd(::open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC));
    if (!visit.home_) return os_error(errno, "/proc/self/ns/net");
    if (move_to(to) == 0) return visit;
    const int why = errno;
    visit.home_.reset();
    return os_error(why, "setns", "the line's network namespace cannot be entered");
}

NamespaceVisit::~NamespaceVisit() {
    // Nothing may go on in the wrong place, and nothing would be held there.
    if (home_ && move_to(home_) != 0) std::abort();
}

}  // namespace edge::launcher
