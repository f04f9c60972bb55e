// The break `sync_is_a_lie`.
#pragma once
#include "agent/disk/disk.hpp"

namespace edge::sim {

/// Syncs nothing, and says that it did.
class LyingDisk final : public agent::Disk {
  public:
    explicit LyingDisk(agent::Disk& disk) : disk_(disk) {}
    Result<std::vector<std::string>> list() override { return disk_.list(); }
    Result<std::string> read(const std::string& name) override { return disk_.read(name); }
    Result<std::string> read_at(const std::string& name, std::uint64_t offset, std::size_t length) override {
        return disk_.read_at(name, offset, length);
    }
    Result<> append(const std::string& name, std::string_view bytes) override { return disk_.append(name, bytes); }
    Result<> truncate(const std::string& name, std::uint64_t size) override { return disk_.truncate(name, size); }
    Result<> sync(const std::string&) override { return ok(); }
    Result<> sync_names() override { return disk_.sync_names(); }
    Result<> replace(const std::string& name, std::string_view bytes) override { return disk_.replace(name, bytes); }
    Result<> rename(const std::string& from, const std::string& to) override { return disk_.rename(from, to); }
    Result<> remove(const std::string& name) override { return disk_.remove(name); }

  private:
    agent::Disk& disk_;
};

}  // namespace edge::sim
