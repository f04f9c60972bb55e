// One directory of files that must outlive a power cut: what the spool and the node's identity need of a file system.
// Small, so that tests can put a disk in its place that forgets what was not synced.
#pragma once
#include <cerrno>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/result.hpp"

namespace edge::agent {

/// What a disk answered, with no space as unavailable: the same call may work later.
inline Result<> later_if_full(Result<> done) {
    if (done || (done.error().os_errno != ENOSPC && done.error().os_errno != EDQUOT)) return done;
    Error full = done.error();
    full.code = Errc::unavailable;
    return full;
}

/// Of a file that is one line.
inline std::string_view line_in(std::string_view file) {
    while (file.ends_with('\n')) file.remove_suffix(1);
    return file;
}

class Disk {
  public:
    virtual ~Disk() = default;

    /// Names of the files, sorted. Directories are not listed.
    virtual Result<std::vector<std::string>> list() = 0;
    /// The whole file. Errors: not_found.
    virtual Result<std::string> read(const std::string& name) = 0;
    /// Exactly `length` bytes from `offset`. Errors: io, also when the file is shorter.
    virtual Result<std::string> read_at(const std::string& name, std::uint64_t offset, std::size_t length) = 0;
    /// Bytes at the end of a file, which is made if it is not there. On an error the file may have grown by a part.
    virtual Result<> append(const std::string& name, std::string_view bytes) = 0;
    virtual Result<> truncate(const std::string& name, std::uint64_t size) = 0;
    /// What was appended to or truncated from the file is on the medium: fdatasync(2).
    virtual Result<> sync(const std::string& name) = 0;
    /// Names made, renamed and removed are on the medium.
    virtual Result<> sync_names() = 0;
    /// All of a small file or none of it, durable on return: a temporary file, fsync, rename, fsync of the directory.
    virtual Result<> replace(const std::string& name, std::string_view bytes) = 0;
    virtual Result<> rename(const std::string& from, const std::string& to) = 0;
    /// Errors: none when it is not there.
    virtual Result<> remove(const std::string& name) = 0;
};

}  // namespace edge::agent
