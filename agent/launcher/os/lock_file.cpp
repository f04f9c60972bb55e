#include "agent/launcher/os/lock_file.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <filesystem>
#include <string_view>
#include <thread>

#include "agent/launcher/os/files.hpp"

namespace edge::launcher {
namespace {

/// Ours, under this name alone, and with nothing but a process's number in its first line.
bool is_a_lock(const Fd& file) {
    struct stat info {};
    char text[16]{};
    if (::fstat(file.get(), &info) != 0 || !S_ISREG(info.st_mode) || info.st_uid != ::geteuid() || info.st_nlink > 1)
        return false;
    const ssize_t size = ::pread(file.get(), text, sizeof text, 0);
    const auto digits =
        std::string_view(text, static_cast<std::size_t>(std::max<ssize_t>(size, 0))).find_first_not_of("0123456789");
    return size == 0 || (size > 0 && digits > 0 && digits != std::string_view::npos && text[digits] == '\n');
}

const std::string kFolder = "/run/edge-launcher/";  // of no option's choice: two launchers have to meet there

}  // namespace

bool is_in_place(const Fd& file, const std::string& path) {
    struct stat mine {
    }, there{};
    return ::fstat(file.get(), &mine) == 0 && ::stat(path.c_str(), &there) == 0 && mine.st_ino == there.st_ino;
}

Result<std::string> lock_folder() {
    if (::mkdir(kFolder.c_str(), 0755) != 0 && errno != EEXIST)
        return os_error(errno, kFolder, "cannot be made; run: install -d " + kFolder);
    return kFolder;
}

Result<LockFile> LockFile::take(const std::string& name, const std::string& note) {
    EDGE_TRY(const auto folder, lock_folder());
    return take_at(folder + name, note);
}

Result<LockFile> LockFile::take_at(const std::string& path, const std::string& note) {
    const std::string self = std::to_string(::getpid()) + "\n";
    for (int tries = 0;; ++tries) {
        Fd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
        if (!fd) return os_error(errno, path, "cannot be made");
        if (!is_a_lock(fd)) return Error{Errc::io, path, "is there and no lock of ours; move it"};
        if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
            if (tries < 100) {  // clear_left() of another looks whether it is held, for a moment
                std::this_thread::sleep_for(std::chrono::milliseconds(1));
                continue;
            }
            const auto holder = read_file(path);
            const bool ours = holder && holder.value().starts_with(self);
            return Error{ours ? Errc::conflict : Errc::unavailable, path, "is locked by another process", errno};
        }
        if (!is_in_place(fd, path)) continue;  // its last holder removed it between our open and our lock
        if (::ftruncate(fd.get(), 0) != 0) return os_error(errno, path);
        EDGE_TRY(write_file(path, self + note));
        return LockFile(path, std::move(fd));
    }
}

void LockFile::clear_left(const std::function<bool(const std::string& note)>& undo) {
    std::error_code none;  // no folder: none was ever taken
    for (const auto& entry : std::filesystem::directory_iterator(kFolder, none)) {
        const std::string path = entry.path();
        const auto held = [&]() -> Fd {
            Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
            return fd && ::flock(fd.get(), LOCK_EX | LOCK_NB) == 0 ? std::move(fd) : Fd();
        };
        if (!held()) continue;  // let go again: `undo` may take it
        const auto text = read_file(path);
        const auto end = text ? text.value().find('\n') : std::string::npos;
        if (end == std::string::npos || !undo(text.value().substr(end + 1))) continue;
        if (const Fd fd = held(); fd && is_in_place(fd, path)) ::unlink(path.c_str());
    }
}

LockFile::~LockFile() {
    if (fd_) ::unlink(path_.c_str());
}

}  // namespace edge::launcher
