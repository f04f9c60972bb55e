#include "tests/contract/store/power_cut.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <new>
#include <stdexcept>

namespace edge::broker {

/// SQLite allocates it, and the system's own file behind it.
struct PowerCutFile {
    sqlite3_file base;
    PowerCut* owner;
    std::string* path;  // none: a temporary file
    sqlite3_file* real() { return reinterpret_cast<sqlite3_file*>(this + 1); }

    static PowerCutFile& of(sqlite3_file* file) { return *reinterpret_cast<PowerCutFile*>(file); }

    static int close(sqlite3_file* file) {
        delete of(file).path;
        return of(file).real()->pMethods->xClose(of(file).real());
    }
    static int read(sqlite3_file* file, void* to, int bytes, sqlite3_int64 at) {
        return of(file).real()->pMethods->xRead(of(file).real(), to, bytes, at);
    }
    static int write(sqlite3_file* file, const void* from, int bytes, sqlite3_int64 at) {
        PowerCutFile& self = of(file);
        if (self.path) {
            const std::lock_guard guard(self.owner->mutex_);
            if (!self.owner->change()) return SQLITE_IOERR_WRITE;
            if (const int code = self.owner->keep(*self.path, self.real(), at, at + bytes)) return code;
        }
        return self.real()->pMethods->xWrite(self.real(), from, bytes, at);
    }
    static int truncate(sqlite3_file* file, sqlite3_int64 size) {
        PowerCutFile& self = of(file);
        if (self.path) {
            const std::lock_guard guard(self.owner->mutex_);
            if (!self.owner->change()) return SQLITE_IOERR_TRUNCATE;
            sqlite3_int64 end = 0;
            if (const int code = self.real()->pMethods->xFileSize(self.real(), &end)) return code;
            if (const int code = self.owner->keep(*self.path, self.real(), size, end)) return code;
        }
        return self.real()->pMethods->xTruncate(self.real(), size);
    }
    static int sync(sqlite3_file* file, int) {
        PowerCutFile& self = of(file);
        if (!self.path) return SQLITE_OK;
        const std::lock_guard guard(self.owner->mutex_);
        if (!self.owner->change()) return SQLITE_IOERR_FSYNC;
        if (!self.owner->lies_) self.owner->files_.erase(*self.path);
        return SQLITE_OK;
    }
    static int size(sqlite3_file* file, sqlite3_int64* out) {
        return of(file).real()->pMethods->xFileSize(of(file).real(), out);
    }
    static int lock(sqlite3_file* file, int level) { return of(file).real()->pMethods->xLock(of(file).real(), level); }
    static int unlock(sqlite3_file* file, int level) {
        return of(file).real()->pMethods->xUnlock(of(file).real(), level);
    }
    static int check_lock(sqlite3_file* file, int* out) {
        return of(file).real()->pMethods->xCheckReservedLock(of(file).real(), out);
    }
    static int control(sqlite3_file* file, int what, void* argument) {
        return of(file).real()->pMethods->xFileControl(of(file).real(), what, argument);
    }
    static int sector_size(sqlite3_file*) { return PowerCut::kSector; }
    static int traits(sqlite3_file*) { return 0; }  // nothing is promised of a write that is not synced
    static int map_shared(sqlite3_file* file, int page, int bytes, int extend, void volatile** out) {
        return of(file).real()->pMethods->xShmMap(of(file).real(), page, bytes, extend, out);
    }
    static int lock_shared(sqlite3_file* file, int offset, int count, int flags) {
        return of(file).real()->pMethods->xShmLock(of(file).real(), offset, count, flags);
    }
    static void barrier(sqlite3_file* file) { of(file).real()->pMethods->xShmBarrier(of(file).real()); }
    static int unmap_shared(sqlite3_file* file, int remove) {
        return of(file).real()->pMethods->xShmUnmap(of(file).real(), remove);
    }
};

namespace {

constexpr sqlite3_io_methods kMethods{.iVersion = 2,
                                      .xClose = PowerCutFile::close,
                                      .xRead = PowerCutFile::read,
                                      .xWrite = PowerCutFile::write,
                                      .xTruncate = PowerCutFile::truncate,
                                      .xSync = PowerCutFile::sync,
                                      .xFileSize = PowerCutFile::size,
                                      .xLock = PowerCutFile::lock,
                                      .xUnlock = PowerCutFile::unlock,
                                      .xCheckReservedLock = PowerCutFile::check_lock,
                                      .xFileControl = PowerCutFile::control,
                                      .xSectorSize = PowerCutFile::sector_size,
                                      .xDeviceCharacteristics = PowerCutFile::traits,
                                      .xShmMap = PowerCutFile::map_shared,
                                      .xShmLock = PowerCutFile::lock_shared,
                                      .xShmBarrier = PowerCutFile::barrier,
                                      .xShmUnmap = PowerCutFile::unmap_shared,
                                      .xFetch = nullptr,
                                      .xUnfetch = nullptr};

}  // namespace

PowerCut::PowerCut() : system_(sqlite3_vfs_find(nullptr)), vfs_(*system_) {
    vfs_.szOsFile = static_cast<int>(sizeof(PowerCutFile)) + system_->szOsFile;
    vfs_.pNext = nullptr;
    vfs_.zName = "power-cut";
    vfs_.pAppData = this;
    vfs_.xOpen = open;
    vfs_.xDelete = remove;
    if (sqlite3_vfs_register(&vfs_, 1) != SQLITE_OK) throw std::runtime_error("no place for a VFS");
}

PowerCut::~PowerCut() {
    sqlite3_vfs_unregister(&vfs_);
    sqlite3_vfs_register(system_, 1);
}

int PowerCut::open(sqlite3_vfs* vfs, const char* name, sqlite3_file* file, int flags, int* out_flags) {
    auto& owner = *static_cast<PowerCut*>(vfs->pAppData);
    PowerCutFile& made = *new (file) PowerCutFile{{nullptr}, &owner, nullptr};
    const int code = owner.system_->xOpen(owner.system_, name, made.real(), flags, out_flags);
    if (code != SQLITE_OK) return code;
    if (name) made.path = new std::string(name);
    made.base.pMethods = &kMethods;
    return SQLITE_OK;
}

int PowerCut::remove(sqlite3_vfs* vfs, const char* name, int sync_folder) {
    auto& owner = *static_cast<PowerCut*>(vfs->pAppData);
    const std::lock_guard guard(owner.mutex_);
    if (!owner.change()) return SQLITE_IOERR_DELETE;
    owner.files_.erase(name);
    return owner.system_->xDelete(owner.system_, name, sync_folder);
}

void PowerCut::cut_at(int change) {
    const std::lock_guard guard(mutex_);
    cut_at_ = change;
}

bool PowerCut::is_cut() {
    const std::lock_guard guard(mutex_);
    return cut_at_ == 0;
}

bool PowerCut::change() {
    if (cut_at_ > 0) --cut_at_;
    return cut_at_ != 0;
}

PowerCut::Unsynced& PowerCut::unsynced(const std::string& path, sqlite3_file* real) {
    const auto [at, is_new] = files_.try_emplace(path);
    if (is_new) real->pMethods->xFileSize(real, &at->second.size);
    return at->second;
}

/// What is there now of these bytes, where it is not kept yet.
int PowerCut::keep(const std::string& path, sqlite3_file* real, sqlite3_int64 from, sqlite3_int64 to) {
    Unsynced& file = unsynced(path, real);
    for (sqlite3_int64 number = from / kSector; number * kSector < to; ++number) {
        const auto [at, is_new] = file.sectors.try_emplace(number);
        if (!is_new) continue;
        at->second.fill('\0');
        const int code = real->pMethods->xRead(real, at->second.data(), kSector, number * kSector);
        if (code != SQLITE_OK && code != SQLITE_IOERR_SHORT_READ) return code;
    }
    return SQLITE_OK;
}

void PowerCut::restart(Leaves leaves, std::mt19937& random) {
    const std::lock_guard guard(mutex_);
    for (const auto& [path, file] : files_) {
        if (leaves == Leaves::all) continue;
        const int fd = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
        if (fd < 0) continue;  // removed since
        for (const auto& [number, sector] : file.sectors) {
            if (leaves == Leaves::some_sectors && random() % 2 == 0) continue;
            if (::pwrite(fd, sector.data(), kSector, number * kSector) != kSector) throw std::runtime_error(path);
        }
        if (leaves == Leaves::nothing && ::ftruncate(fd, file.size) != 0) throw std::runtime_error(path);
        ::close(fd);
    }
    files_.clear();
    cut_at_ = -1;
}

}  // namespace edge::broker
