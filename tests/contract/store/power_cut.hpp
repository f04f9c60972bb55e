// A disk that loses what was not synced, under SQLite: its VFS, in place of the system's one for as long as it lives.
#pragma once
#include <sqlite3.h>

#include <array>
#include <map>
#include <mutex>
#include <optional>
#include <random>
#include <string>

namespace edge::broker {

/// Writes go to the files as they come, so that other connections see them; what was there before is kept until a sync.
/// Names are durable at once. One at a time.
class PowerCut {
  public:
    /// What a power cut leaves of sectors that were written and not synced.
    enum class Leaves { nothing, all, some_sectors };

    PowerCut();
    ~PowerCut();
    PowerCut(const PowerCut&) = delete;
    PowerCut& operator=(const PowerCut&) = delete;

    /// The power goes at the n-th write, sync, truncation or removal from now (1: the next); it and all after it fail.
    void cut_at(int change);
    bool is_cut();
    /// From now on a sync does nothing and says it did.
    void lie() { lies_ = true; }
    /// The machine comes back. Nobody may have a file open.
    void restart(Leaves leaves, std::mt19937& random);

  private:
    friend struct PowerCutFile;
    static constexpr sqlite3_int64 kSector = 512;
    using Sector = std::array<char, kSector>;
    struct Unsynced {
        sqlite3_int64 size = 0;                   // at the last sync
        std::map<sqlite3_int64, Sector> sectors;  // as they were then, by number
    };

    /// False: the power is gone.
    bool change();
    Unsynced& unsynced(const std::string& path, sqlite3_file* real);
    int keep(const std::string& path, sqlite3_file* real, sqlite3_int64 from, sqlite3_int64 to);

    static int open(sqlite3_vfs* vfs, const char* name, sqlite3_file* file, int flags, int* out_flags);
    static int remove(sqlite3_vfs* vfs, const char* name, int sync_folder);

    sqlite3_vfs* system_;
    sqlite3_vfs vfs_;
    std::mutex mutex_;
    int cut_at_ = -1;
    bool lies_ = false;
    std::map<std::string, Unsynced> files_;
};

}  // namespace edge::broker
