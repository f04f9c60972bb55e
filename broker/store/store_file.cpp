#include "broker/store/store_file.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

namespace edge::broker {

FileDescriptor::~FileDescriptor() {
    if (fd_ >= 0) ::close(fd_);
}

/// A file of its own: closing any descriptor of the database would drop SQLite's POSIX locks (fcntl_locking(2)).
Result<FileDescriptor> take_store_lock(const std::string& path) {
    const std::string name = path + ".lock";
    FileDescriptor lock(::open(name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    if (lock.get() < 0) return os_error(errno, name, "cannot open the lock file");
    if (::flock(lock.get(), LOCK_EX | LOCK_NB) == 0) return lock;
    if (errno != EWOULDBLOCK) return os_error(errno, name, "cannot lock");
    return Error{Errc::conflict, path,
                 "another edge-broker has this file open; stop it or choose another [store] path"};
}

Result<> create_private(const std::string& path) {
    const FileDescriptor file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    if (file.get() < 0) return os_error(errno, path, "cannot be opened");
    return ok();
}

std::string folder_of(const std::string& path) {
    const auto slash = path.rfind('/');
    if (slash == std::string::npos) return ".";
    return slash == 0 ? "/" : path.substr(0, slash);
}

Result<> sync_file(const std::string& path) {
    const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (file.get() < 0 || ::fsync(file.get()) != 0) return os_error(errno, path, "fsync");
    return ok();
}

Result<> sync_folder_of(const std::string& path) {
    const std::string folder = folder_of(path);
    const FileDescriptor above(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (above.get() < 0 || ::fsync(above.get()) != 0) return os_error(errno, folder, "fsync");
    return ok();
}

Result<bool> link_to_free(const std::string& from, const std::string& to) {
    if (::link(from.c_str(), to.c_str()) == 0) return true;
    if (errno == ENOENT && !is_there(from)) return false;
    if (errno == EEXIST) return Error{Errc::conflict, to, "is there already and is not overwritten"};
    return os_error(errno, to, "cannot be made");
}

Result<> rename_to_free(const std::string& from, const std::string& to) {
    EDGE_TRY(link_to_free(from, to));
    EDGE_TRY(remove_file(from));
    return sync_folder_of(to);
}

Result<> remove_file(const std::string& path) {
    if (::unlink(path.c_str()) != 0 && errno != ENOENT) return os_error(errno, path, "cannot be removed");
    return ok();
}

Result<> give_to_owner_of(const std::string& as, const std::string& path) {
    struct stat status {};
    if (::geteuid() != 0 || !is_there(path)) return ok();
    if (::stat(as.c_str(), &status) != 0 || ::chown(path.c_str(), status.st_uid, status.st_gid) != 0)
        return os_error(errno, path, "cannot be given to its owner");
    return ok();
}

bool is_same_file(const std::string& a, const std::string& b) {
    struct stat of_a {
    }, of_b{};
    return ::stat(a.c_str(), &of_a) == 0 && ::stat(b.c_str(), &of_b) == 0 && of_a.st_dev == of_b.st_dev &&
           of_a.st_ino == of_b.st_ino;
}

bool is_there(const std::string& path) {
    struct stat status {};
    return ::stat(path.c_str(), &status) == 0;
}

std::uint64_t size_of(const std::string& path) {
    struct stat status {};
    return ::stat(path.c_str(), &status) == 0 ? static_cast<std::uint64_t>(status.st_size) : 0;
}

}  // namespace edge::broker
