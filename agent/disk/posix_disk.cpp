#include "agent/disk/posix_disk.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <memory>

namespace edge::agent {
namespace {

constexpr mode_t kOwnerOnly = 0600;

Result<> write_all(int fd, std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t done = ::write(fd, bytes.data(), bytes.size());
        if (done < 0 && errno == EINTR) continue;
        if (done <= 0) return os_error(done < 0 ? errno : ENOSPC, "write");
        bytes.remove_prefix(static_cast<std::size_t>(done));
    }
    return ok();
}

}  // namespace

Error PosixDisk::failed(const std::string& name, const char* call) const {
    const int number = errno;
    Error error = os_error(number, path_ + (name.empty() ? "" : "/" + name), call);
    if (number == ENOENT) error.code = Errc::not_found;
    if (number == EACCES || number == EPERM || number == EROFS) error.code = Errc::denied;
    return error;
}

Result<PosixDisk> PosixDisk::open(const std::string& path) {
    PosixDisk disk(path, Fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)));
    if (!disk.directory_) return disk.failed("", "open");
    if (::faccessat(disk.directory_.number(), ".", R_OK | W_OK | X_OK, AT_EACCESS) != 0)
        return disk.failed("", "not writable by this user");
    return disk;
}

Result<PosixDisk> PosixDisk::make(const std::string& path) {
    if (::mkdir(path.c_str(), 0700) == 0) {
        const auto slash = path.find_last_of('/');
        const std::string parent = slash == std::string::npos ? "." : path.substr(0, std::max<std::size_t>(slash, 1));
        const Fd above(::open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        if (above && ::fsync(above.number()) != 0) return os_error(errno, parent, "fsync");
    } else if (errno != EEXIST) {
        return PosixDisk(path, Fd()).failed("", "mkdir");
    }
    return open(path);
}

Result<> PosixDisk::lock() {
    Fd fd(::openat(directory_.number(), "lock", O_RDWR | O_CREAT | O_CLOEXEC, kOwnerOnly));
    if (!fd) return failed("lock", "open");
    if (::flock(fd.number(), LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK) return failed("lock", "flock");
        return Error{Errc::conflict, path_, "another edge-agent uses this directory"};
    }
    lock_ = std::move(fd);
    return ok();
}

Result<std::vector<std::string>> PosixDisk::list() {
    const int copy = ::openat(directory_.number(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (copy < 0) return failed("", "open");
    const std::unique_ptr<DIR, int (*)(DIR*)> stream(::fdopendir(copy), ::closedir);
    if (!stream) return failed("", "fdopendir");
    std::vector<std::string> names;
    while (const dirent* entry = ::readdir(stream.get())) {
        struct stat status {};
        if (::fstatat(directory_.number(), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
            S_ISREG(status.st_mode)) {
            names.emplace_back(entry->d_name);
        }
    }
    std::sort(names.begin(), names.end());
    return names;
}

Result<> PosixDisk::open_into(Named& slot, const std::string& name, int flags) {
    if (slot.fd && slot.name == name) return ok();
    slot.fd = Fd(::openat(directory_.number(), name.c_str(), flags | O_CLOEXEC | O_NOFOLLOW, kOwnerOnly));
    slot.name = name;
    if (!slot.fd) return failed(name, "open");
    return ok();
}

void PosixDisk::forget(const std::string& name) {
    for (Named* slot : {&writing_, &reading_}) {
        if (slot->name == name) *slot = Named{};
    }
}

Result<std::string> PosixDisk::read(const std::string& name) {
    const Fd fd(::openat(directory_.number(), name.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
    struct stat status {};
    if (!fd || ::fstat(fd.number(), &status) != 0) return failed(name, "open");
    std::string text;
    char buffer[65536];
    text.reserve(static_cast<std::size_t>(status.st_size));
    while (true) {
        const ssize_t got = ::read(fd.number(), buffer, sizeof buffer);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return failed(name, "read");
        if (got == 0) return text;
        text.append(buffer, static_cast<std::size_t>(got));
    }
}

Result<std::string> PosixDisk::read_at(const std::string& name, std::uint64_t offset, std::size_t length) {
    EDGE_TRY(open_into(reading_, name, O_RDONLY));
    std::string text(length, '\0');
    std::size_t have = 0;
    while (have < length) {
        const ssize_t got =
            ::pread(reading_.fd.number(), text.data() + have, length - have, static_cast<off_t>(offset + have));
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return failed(name, "read");
        if (got == 0) return Error{Errc::io, path_ + "/" + name, "shorter than expected"};
        have += static_cast<std::size_t>(got);
    }
    return text;
}

Result<> PosixDisk::append(const std::string& name, std::string_view bytes) {
    EDGE_TRY(open_into(writing_, name, O_WRONLY | O_CREAT | O_APPEND));
    if (auto written = write_all(writing_.fd.number(), bytes); !written) {
        return os_error(written.error().os_errno, path_ + "/" + name, "write");
    }
    return ok();
}

Result<> PosixDisk::truncate(const std::string& name, std::uint64_t size) {
    EDGE_TRY(open_into(writing_, name, O_WRONLY | O_CREAT | O_APPEND));
    if (::ftruncate(writing_.fd.number(), static_cast<off_t>(size)) != 0) return failed(name, "truncate");
    return ok();
}

Result<> PosixDisk::sync(const std::string& name) {
    EDGE_TRY(open_into(writing_, name, O_WRONLY | O_APPEND));
    if (::fdatasync(writing_.fd.number()) != 0) return failed(name, "fdatasync");
    return ok();
}

Result<> PosixDisk::sync_names() {
    if (::fsync(directory_.number()) != 0) return failed("", "fsync");
    return ok();
}

Result<> PosixDisk::replace(const std::string& name, std::string_view bytes) {
    const std::string temporary = name + ".new";
    EDGE_TRY(remove(temporary));
    const Fd fd(::openat(directory_.number(), temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
                         kOwnerOnly));
    if (!fd) return failed(temporary, "open");
    if (auto written = write_all(fd.number(), bytes); !written) {
        (void)::unlinkat(directory_.number(), temporary.c_str(), 0);
        return os_error(written.error().os_errno, path_ + "/" + name, "write");
    }
    if (::fsync(fd.number()) != 0) return failed(temporary, "fsync");
    EDGE_TRY(rename(temporary, name));
    return sync_names();
}

Result<> PosixDisk::rename(const std::string& from, const std::string& to) {
    forget(from);
    forget(to);
    if (::renameat(directory_.number(), from.c_str(), directory_.number(), to.c_str()) != 0)
        return failed(from, "rename");
    return ok();
}

Result<> PosixDisk::remove(const std::string& name) {
    forget(name);
    if (::unlinkat(directory_.number(), name.c_str(), 0) != 0 && errno != ENOENT) return failed(name, "unlink");
    return ok();
}

}  // namespace edge::agent
