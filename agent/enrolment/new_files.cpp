#include "agent/enrolment/new_files.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "agent/fd.hpp"

namespace edge::agent {
namespace {

Error cannot_make(const std::string& path) {
    return os_error(errno, path, "cannot be made");
}

bool is_written(int fd, std::string_view text) {
    while (!text.empty()) {
        const ssize_t n = ::write(fd, text.data(), text.size());
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return false;
        text.remove_prefix(static_cast<std::size_t>(n));
    }
    return true;
}

}  // namespace

Result<bool> NewFiles::make_folder(const std::string& path, const FileRights& rights) {
    if (::mkdir(path.c_str(), 0700) != 0) {
        if (errno == EEXIST) return false;
        return cannot_make(path);
    }
    made_.push_back(path);
    if (::chown(path.c_str(), rights.uid, rights.gid) != 0 || ::chmod(path.c_str(), rights.mode) != 0)
        return cannot_make(path);
    return true;
}

Result<bool> NewFiles::write(const std::string& path, std::string_view text, const FileRights& rights) {
    if (::faccessat(AT_FDCWD, path.c_str(), F_OK, AT_SYMLINK_NOFOLLOW) == 0) return false;
    const std::string fresh = path + ".new";
    (void)::unlink(fresh.c_str());  // of a try that was killed
    const Fd fd(::open(fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!fd) return cannot_make(path);
    // A name beside the first, because rename(2) would replace what somebody has put there meanwhile.
    const bool linked = is_written(fd.number(), text) && ::fchown(fd.number(), rights.uid, rights.gid) == 0 &&
                        ::fchmod(fd.number(), rights.mode) == 0 && ::fsync(fd.number()) == 0 &&
                        ::link(fresh.c_str(), path.c_str()) == 0;
    const int why = errno;
    (void)::unlink(fresh.c_str());
    if (!linked) {
        if (why == EEXIST) return false;
        errno = why;
        return cannot_make(path);
    }
    made_.push_back(path);
    const Fd folder(::open(path.substr(0, path.rfind('/') + 1).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!folder || ::fsync(folder.number()) != 0) return cannot_make(path);
    return true;
}

void NewFiles::take_back() {
    for (auto path = made_.rbegin(); path != made_.rend(); ++path)
        (void)std::remove(path->c_str());  // it is the way back from a failure already
    made_.clear();
}

}  // namespace edge::agent
