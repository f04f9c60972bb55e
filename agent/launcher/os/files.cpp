#include "agent/launcher/os/files.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>

#include "agent/launcher/os/fd.hpp"

namespace edge::launcher {
namespace {

Result<std::string> read_all(int fd, const std::string& path, std::size_t limit) {
    std::string text;
    char buffer[4096];
    for (;;) {
        const ssize_t n = ::read(fd, buffer, sizeof buffer);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return os_error(errno, path, "cannot be read");
        if (n == 0) return text;
        text.append(buffer, static_cast<std::size_t>(n));
        if (text.size() > limit)
            return Error{Errc::too_large, path, "is larger than " + std::to_string(limit) + " bytes"};
    }
}

Result<Fd> open_to_read(const std::string& path) {
    Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
    if (!fd) return Error{Errc::not_found, path, "cannot be opened", errno};
    return fd;
}

/// Who else may write it could have written what we are about to do.
Result<> check_trusted(const struct stat& info, const std::string& path, uid_t user) {
    const std::string owner = user == 0 ? "root" : std::to_string(user);
    if (info.st_uid != 0 && info.st_uid != user)
        return Error{Errc::denied, path,
                     "belongs to uid " + std::to_string(info.st_uid) + "; run: chown " + owner + " " + path};
    if ((info.st_mode & (S_IWGRP | S_IWOTH)) != 0)
        return Error{Errc::denied, path, "is writable by others than " + owner + "; run: chmod go-w " + path};
    return ok();
}

}  // namespace

Result<std::string> read_file(const std::string& path, std::size_t limit) {
    EDGE_TRY(auto fd, open_to_read(path));
    return read_all(fd.get(), path, limit);
}

Result<> check_trusted_folder(const std::string& path, uid_t user) {
    struct stat info {};
    if (::stat(path.c_str(), &info) != 0) return ok();  // its files say so
    return check_trusted(info, path, user);
}

Result<std::string> read_trusted_file(const std::string& path, uid_t user) {
    constexpr std::size_t kLimit = 256 * 1024;
    EDGE_TRY(auto fd, open_to_read(path));
    struct stat info {};  // of the open file, so that it cannot be swapped between check and read
    if (::fstat(fd.get(), &info) != 0) return os_error(errno, path);
    if (!S_ISREG(info.st_mode)) return Error{Errc::denied, path, "is not a regular file"};
    EDGE_TRY(check_trusted(info, path, user));
    return read_all(fd.get(), path, kLimit);
}

Result<> replace_file(const std::string& path, std::string_view text) {
    const std::string fresh = path + ".new";
    const Fd fd(::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!fd) return os_error(errno, fresh, "cannot be written");
    while (!text.empty()) {
        const ssize_t n = ::write(fd.get(), text.data(), text.size());
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return os_error(errno, fresh, "cannot be written");
        text.remove_prefix(static_cast<std::size_t>(n));
    }
    const Fd folder(::open(path.substr(0, path.rfind('/') + 1).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (::fsync(fd.get()) != 0 || ::rename(fresh.c_str(), path.c_str()) != 0 || !folder || ::fsync(folder.get()) != 0)
        return os_error(errno, path, "cannot be replaced");
    return ok();
}

Result<> write_file(const std::string& path, std::string_view text) {
    const Fd fd(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
    if (!fd) return os_error(errno, path, "cannot be opened for writing");
    for (;;) {
        const ssize_t n = ::write(fd.get(), text.data(), text.size());
        if (n >= 0) return ok();
        if (errno != EINTR) return os_error(errno, path, "refused \"" + std::string(text) + "\"");
    }
}

}  // namespace edge::launcher
