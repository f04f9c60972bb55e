#include "agent/launcher/os/uid_lock.hpp"

#include <fcntl.h>

#include <cerrno>
#include <chrono>
#include <string>
#include <thread>

#include "agent/launcher/os/lock_file.hpp"

namespace edge::launcher {
namespace {

constexpr const char* kName = "uids";

/// Of the open file, as flock(2)'s, but of a part of it; `count` 0 is all. Source: fcntl(2), "Open file description
/// locks".
bool lock_part(const Fd& file, std::uint32_t first, std::uint32_t count) {
    struct flock part {};
    part.l_type = F_WRLCK;
    part.l_whence = SEEK_SET;
    part.l_start = first;
    part.l_len = count;
    return ::fcntl(file.get(), F_OFD_SETLK, &part) == 0;
}

}  // namespace

Result<UidLock> UidLock::take(std::uint32_t first, std::uint32_t count) {
    EDGE_TRY(const auto folder, lock_folder());
    const std::string path = folder + kName;
    for (int tries = 0;;) {
        Fd file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
        if (!file) return os_error(errno, path, "cannot be made");
        if (!lock_part(file, first, count)) {
            if (errno != EAGAIN && errno != EACCES) return os_error(errno, path);
            if (++tries == 3000)  // the children of one that was killed hold it until they are gone, too
                return Error{Errc::unavailable, "--uid-base",
                             "another edge-launcher has some of the uids " + std::to_string(first) + " to " +
                                 std::to_string(first + count - 1) + " for its workers; give this one others"};
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
        } else if (is_in_place(file, path)) {  // else its last holder removed it between our open and our lock
            return UidLock(std::move(file));
        }
    }
}

void UidLock::clear_left() {
    if (const auto folder = lock_folder()) UidLock(Fd(::open((folder.value() + kName).c_str(), O_RDWR | O_CLOEXEC)));
}

UidLock::~UidLock() {
    const auto folder = lock_folder();
    if (!file_ || !folder) return;
    const std::string path = folder.value() + kName;
    if (lock_part(file_, 0, 0) && is_in_place(file_, path)) ::unlink(path.c_str());
}

}  // namespace edge::launcher
