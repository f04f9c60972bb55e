// A disk that loses what was not synced: the fake behind the spool's and the identity's tests. It passes
// tests/contract/agent/test_disk.cpp, as the real one does.
#pragma once
#include <map>
#include <memory>
#include <random>
#include <string>

#include "agent/disk/disk.hpp"

namespace edge::agent {

class ForgetfulDisk final : public Disk {
  public:
    /// What a power cut leaves of bytes that were written and not synced.
    enum class Leaves { nothing, all, a_prefix, some_sectors };
    static constexpr Leaves kLeaves[]{Leaves::nothing, Leaves::all, Leaves::a_prefix, Leaves::some_sectors};

    /// The power goes at the n-th change from now (1: the next); every call after that fails.
    void cut_at(int change) { cut_at_ = change; }
    bool is_cut() const { return cut_at_ == 0; }
    int changes() const { return changes_; }
    /// The next write answers this errno, half done.
    void fail_append(int os_errno) { append_errno_ = os_errno; }
    void fail_sync(int os_errno) { sync_errno_ = os_errno; }
    void fail_sync_names(int os_errno) { sync_names_errno_ = os_errno; }

    /// The machine comes back.
    void restart(Leaves leaves, std::mt19937& random) {
        for (auto it = live_.begin(); it != live_.end();) {
            const auto durable = durable_.find(it->first);
            const bool name_is_durable = durable != durable_.end() && durable->second == it->second;
            const bool keep =
                name_is_durable || leaves == Leaves::all || (leaves != Leaves::nothing && random() % 2 == 0);
            if (!keep && durable != durable_.end()) it->second = durable->second;  // renamed over it: one of the two
            it = keep || durable != durable_.end() ? std::next(it) : live_.erase(it);
        }
        for (const auto& [name, file] : durable_) {
            const bool removed_or_renamed = !live_.contains(name);
            if (removed_or_renamed && (leaves == Leaves::nothing || (leaves != Leaves::all && random() % 2 == 0)))
                live_[name] = file;
        }
        for (auto& [name, file] : live_) {
            file->bytes = survivor(*file, leaves, random);
            file->synced = file->bytes;
        }
        durable_ = live_;
        cut_at_ = -1;
        changes_ = 0;
    }

    std::string& bytes(const std::string& name) { return live_.at(name)->bytes; }
    bool has(const std::string& name) const { return live_.contains(name); }
    /// The directory as another disk that has forgotten nothing.
    ForgetfulDisk copy() const {
        ForgetfulDisk other;
        for (const auto& [name, file] : live_) other.live_[name] = std::make_shared<File>(*file);
        other.durable_ = other.live_;
        return other;
    }

    Result<std::vector<std::string>> list() override {
        std::vector<std::string> names;
        for (const auto& [name, file] : live_) names.push_back(name);
        return names;
    }
    Result<std::string> read(const std::string& name) override {
        const auto at = live_.find(name);
        if (at == live_.end()) return Error{Errc::not_found, name, "read"};
        return at->second->bytes;
    }
    Result<std::string> read_at(const std::string& name, std::uint64_t offset, std::size_t length) override {
        const auto at = live_.find(name);
        if (at == live_.end()) return Error{Errc::not_found, name, "read"};
        if (offset + length > at->second->bytes.size()) return Error{Errc::io, name, "shorter than expected"};
        return at->second->bytes.substr(offset, length);
    }
    Result<> append(const std::string& name, std::string_view bytes) override {
        if (!change()) return gone();
        auto& file = live_[name];
        if (!file) file = std::make_shared<File>();
        if (const int number = std::exchange(append_errno_, 0); number != 0) {
            file->bytes += bytes.substr(0, bytes.size() / 2);
            return os_error(number, name, "write");
        }
        file->bytes += bytes;
        return ok();
    }
    Result<> truncate(const std::string& name, std::uint64_t size) override {
        if (!change()) return gone();
        auto& file = live_[name];
        if (!file) file = std::make_shared<File>();
        file->bytes.resize(size);
        return ok();
    }
    Result<> sync(const std::string& name) override {
        if (!change()) return gone();
        if (const int number = std::exchange(sync_errno_, 0); number != 0) return os_error(number, name, "fdatasync");
        const auto at = live_.find(name);
        if (at == live_.end()) return Error{Errc::not_found, name, "sync"};
        at->second->synced = at->second->bytes;
        return ok();
    }
    Result<> sync_names() override {
        if (!change()) return gone();
        if (const int number = std::exchange(sync_names_errno_, 0); number != 0) return os_error(number, ".", "fsync");
        durable_ = live_;
        return ok();
    }
    Result<> replace(const std::string& name, std::string_view bytes) override {
        EDGE_TRY(remove(name + ".new"));
        EDGE_TRY(append(name + ".new", bytes));
        EDGE_TRY(sync(name + ".new"));
        EDGE_TRY(rename(name + ".new", name));
        return sync_names();
    }
    Result<> rename(const std::string& from, const std::string& to) override {
        if (!change()) return gone();
        const auto at = live_.find(from);
        if (at == live_.end()) return Error{Errc::not_found, from, "rename"};
        live_[to] = at->second;
        live_.erase(from);
        return ok();
    }
    Result<> remove(const std::string& name) override {
        if (!change()) return gone();
        live_.erase(name);
        return ok();
    }

  private:
    struct File {
        std::string bytes;
        std::string synced;
    };

    static std::string survivor(const File& file, Leaves leaves, std::mt19937& random) {
        const std::size_t common = std::min(file.bytes.size(), file.synced.size());
        switch (leaves) {
            case Leaves::nothing:
                return file.synced;
            case Leaves::all:
                return file.bytes;
            case Leaves::a_prefix:
                if (file.bytes.size() <= common) return file.synced;
                return file.bytes.substr(0, common + random() % (file.bytes.size() - common + 1));
            case Leaves::some_sectors:
                break;
        }
        std::string bytes = file.bytes;
        for (std::size_t at = common; at < bytes.size(); ++at) {
            const std::size_t sector_end = std::min(bytes.size(), (at / 64 + 1) * 64);
            if (random() % 2 == 0)
                std::fill(bytes.begin() + static_cast<std::ptrdiff_t>(at),
                          bytes.begin() + static_cast<std::ptrdiff_t>(sector_end), '\0');
            at = sector_end - 1;
        }
        return bytes.size() < file.synced.size() ? file.synced : bytes;
    }
    bool change() {
        ++changes_;
        if (cut_at_ > 0 && --cut_at_ == 0) return false;
        return cut_at_ != 0;
    }
    static Error gone() { return os_error(EIO, "disk", "the power is off"); }

    std::map<std::string, std::shared_ptr<File>> live_;
    std::map<std::string, std::shared_ptr<File>> durable_;  // owners: a file lives while either knows it
    int cut_at_ = -1;
    int changes_ = 0;
    int append_errno_ = 0;
    int sync_errno_ = 0;
    int sync_names_errno_ = 0;
};

}  // namespace edge::agent
