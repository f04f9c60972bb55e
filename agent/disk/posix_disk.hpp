// Disk over a real directory. Files are made 0600.
#pragma once
#include <string>

#include "agent/disk/disk.hpp"
#include "agent/fd.hpp"

namespace edge::agent {

/// Owns: the directory's descriptor and at most one descriptor for appending and one for reading.
class PosixDisk final : public Disk {
  public:
    /// Errors: not_found, denied, io; `where` is the path.
    static Result<PosixDisk> open(const std::string& path);
    /// The directory is made (0700) if its parent is there.
    static Result<PosixDisk> make(const std::string& path);

    /// Held until this process ends. Errors: conflict when another process holds it.
    Result<> lock();

    Result<std::vector<std::string>> list() override;
    Result<std::string> read(const std::string& name) override;
    Result<std::string> read_at(const std::string& name, std::uint64_t offset, std::size_t length) override;
    Result<> append(const std::string& name, std::string_view bytes) override;
    Result<> truncate(const std::string& name, std::uint64_t size) override;
    Result<> sync(const std::string& name) override;
    Result<> sync_names() override;
    Result<> replace(const std::string& name, std::string_view bytes) override;
    Result<> rename(const std::string& from, const std::string& to) override;
    Result<> remove(const std::string& name) override;

  private:
    struct Named {
        std::string name;
        Fd fd;
    };
    PosixDisk(std::string path, Fd directory) : path_(std::move(path)), directory_(std::move(directory)) {}
    Result<> open_into(Named& slot, const std::string& name, int flags);
    Error failed(const std::string& name, const char* call) const;
    void forget(const std::string& name);

    std::string path_;
    Fd directory_;
    Fd lock_;
    Named writing_;
    Named reading_;
};

}  // namespace edge::agent
