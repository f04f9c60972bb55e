#include "agent/launcher/os/lock_file.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "agent/launcher/os/files.hpp"

namespace edge::launcher {
namespace {

const std::string kFolder = "/run/edge-launcher/";  // of no option's choice: two launchers have to meet there

}  // namespace

bool is_in_place(const Fd& file, const std::string& path) {
    struct stat mine {
    }, there{};
    return ::fstat(file.get(), &mine) == 0 && ::stat(path.c_str(), &there) == 0 && mine.st_ino == there.st_ino;
}

Result<LockFile> LockFile::take(const std::string& name) {
    if (::mkdir(kFolder.c_str(), 0755) != 0 && errno != EEXIST)
        return os_error(errno, kFolder, "cannot be made; run: install -d " + kFolder);
    const std::string path = kFolder + name, self = std::to_string(::getpid());
    for (;;) {
        Fd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
        if (!fd) return os_error(errno, path, "cannot be made");
        if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
            const auto holder = read_file(path);
            const bool ours = holder && holder.value() == self;
            return Error{ours ? Errc::conflict : Errc::unavailable, path, "is locked by another process", errno};
        }
        if (!is_in_place(fd, path)) continue;  // its last holder removed it between our open and our lock
        if (::ftruncate(fd.get(), 0) != 0) return os_error(errno, path);
        EDGE_TRY(write_file(path, self));
        return LockFile(path, std::move(fd));
    }
}

LockFile::~LockFile() {
    if (fd_) ::unlink(path_.c_str());
}

}  // namespace edge::launcher
