// The store's file beside SQLite: who may have it, and its copies under other names.
#pragma once
#include <cstdint>
#include <string>
#include <utility>

#include "protocol/result.hpp"

namespace edge::broker {

class FileDescriptor {
  public:
    explicit FileDescriptor(int fd) : fd_(fd) {}
    FileDescriptor(FileDescriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    FileDescriptor& operator=(FileDescriptor&&) = delete;
    ~FileDescriptor();
    int get() const { return fd_; }

  private:
    int fd_;
};

/// Of the store at `path`, as long as the descriptor lives. Errors: conflict, another process has it.
Result<FileDescriptor> take_store_lock(const std::string& path);
/// An empty file (0600) where there is none; SQLite would make it readable by all.
Result<> create_private(const std::string& path);

/// What was written to the file is on the medium.
Result<> sync_file(const std::string& path);
/// Names in the file's folder are on the medium.
Result<> sync_folder_of(const std::string& path);
/// The name `to`, which nothing has yet, instead of `from`; on the medium. Errors: conflict, something has that name.
Result<> rename_to_free(const std::string& from, const std::string& to);
/// A second name for a file, which nothing has yet. False: there is no such file.
Result<bool> link_to_free(const std::string& from, const std::string& to);
/// Errors: none when it is not there.
Result<> remove_file(const std::string& path);
/// Where root made it: it belongs to whom `as` belongs to.
Result<> give_to_owner_of(const std::string& as, const std::string& path);
bool is_same_file(const std::string& a, const std::string& b);
bool is_there(const std::string& path);
/// Units: bytes. 0 when it is not there.
std::uint64_t size_of(const std::string& path);
std::string folder_of(const std::string& path);

}  // namespace edge::broker
