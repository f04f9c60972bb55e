#include "broker/store/sqlite_backup.hpp"

#include <ctime>
#include <filesystem>

#include "broker/store/schema.hpp"
#include "broker/store/sqlite.hpp"
#include "broker/store/store_file.hpp"

namespace edge::broker {
namespace {

using sqlite::Connection;

/// A file under way: gone unless it was kept, with what SQLite leaves beside it.
class Unfinished {
  public:
    explicit Unfinished(std::string path) : path_(std::move(path)) { drop(); }
    Unfinished(Unfinished&&) = delete;
    ~Unfinished() { drop(); }
    const std::string& path() const { return path_; }

  private:
    void drop() {
        for (const char* end : {"", "-wal", "-shm", "-journal"}) (void)remove_file(path_ + end);
    }
    std::string path_;
};

Error at(Error error, const std::string& where) {
    if (error.where.empty()) error.where = where;
    return error;
}
template <class T>
Result<T> at(Result<T> result, const std::string& where) {
    if (result) return result;
    return at(result.error(), where);
}

/// Reads, and neither writes nor checkpoints.
Result<Connection> open_to_read(const std::string& path) {
    EDGE_TRY(auto db, Connection::open(path, Connection::Mode::read_only));
    sqlite3_db_config(db.handle(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
    EDGE_TRY(db.execute("PRAGMA trusted_schema = OFF; PRAGMA wal_autocheckpoint = 0"));
    return db;
}

/// All pages in one read transaction: the copy is of one moment, whatever is written meanwhile.
Result<> copy(Connection& from, Connection& to) {
    sqlite3_backup* job = sqlite3_backup_init(to.handle(), "main", from.handle(), "main");
    if (!job) return sqlite::error_of(to.handle(), sqlite3_errcode(to.handle()));
    const int stepped = sqlite3_backup_step(job, -1);
    const int finished = sqlite3_backup_finish(job);
    if (stepped != SQLITE_DONE || finished != SQLITE_OK) {
        const int code = finished != SQLITE_OK ? finished : stepped;
        return sqlite::error_of(sqlite3_errcode(to.handle()) == SQLITE_OK ? nullptr : to.handle(), code);
    }
    return ok();
}

Result<> check(Connection& db) {
    EDGE_TRY(const auto tables, db.ask("SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name IN ('nodes', "
                                       "'runs', 'results', 'spools')"));
    if (tables != "4") return Error{Errc::bad_value, {}, "is no store of edge-broker"};
    EDGE_TRY(const auto verdict, db.ask("PRAGMA integrity_check(1)"));
    if (verdict != "ok") return Error{Errc::io, {}, "is damaged (" + verdict + ")"};
    return ok();
}

Result<GenerationId> generation_of(Connection& db) {
    EDGE_TRY(const auto known, db.ask("SELECT count(*) FROM sqlite_schema WHERE name = 'generations'"));
    if (known == "0") return GenerationId{};  // an older schema
    EDGE_TRY(auto row, db.prepare("SELECT id FROM generations ORDER BY k DESC LIMIT 1"));
    EDGE_TRY(row.next());
    return GenerationId{row.bytes<16>(0)};
}

Result<GenerationId> begin_generation(Connection& db, WallTime now) {
    EDGE_TRY(check(db));
    EDGE_TRY(migrate(db));
    EDGE_TRY(auto add, db.prepare("INSERT INTO generations (k, id, restored_at)"
                                  " SELECT max(k) + 1, randomblob(16), ?1 FROM generations"));
    EDGE_TRY(add.run(now));
    return generation_of(db);
}

/// `to`, a new file of its own, is what `from` is now; not on the medium yet.
Result<Connection> copy_of(const std::string& from, const std::string& to) {
    EDGE_TRY(create_private(to));
    EDGE_TRY(auto source, at(open_to_read(from), from));
    EDGE_TRY(auto target, at(Connection::open(to, Connection::Mode::read_write), to));
    EDGE_TRY(target.execute("PRAGMA synchronous = OFF; PRAGMA trusted_schema = OFF"));  // it is synced when it is whole
    EDGE_TRY(at(copy(source, target), from));
    EDGE_TRY(at(target.ask("PRAGMA journal_mode = DELETE"), to));  // one file, without a log beside it
    return target;
}

std::string stamp(WallTime now) {
    const auto seconds = static_cast<std::time_t>(now / 1'000'000);
    std::tm utc{};
    ::gmtime_r(&seconds, &utc);
    char text[32];
    return {text, std::strftime(text, sizeof text, "%Y%m%dT%H%M%SZ", &utc)};
}

/// Both names lead to the file until the new one takes its place.
Result<std::string> set_aside(const std::string& path, WallTime now) {
    const std::string aside = path + ".before-" + stamp(now);
    EDGE_TRY(const bool was_there, link_to_free(path, aside));
    if (!was_there) return std::string();
    auto with_log = link_to_free(path + "-wal", aside + "-wal");
    if (!with_log) {
        (void)remove_file(aside);
        return with_log.error();
    }
    EDGE_TRY(sync_folder_of(path));
    return aside;
}

}  // namespace

Result<BackedUp> back_up(const std::string& path, const std::string& file) {
    if (!is_there(path)) return Error{Errc::not_found, path, "there is no store; see [store] path"};
    if (is_there(file)) return Error{Errc::conflict, file, "is there already and is not overwritten"};
    const Unfinished part(file + ".part");
    BackedUp made;
    {
        EDGE_TRY(auto copied, copy_of(path, part.path()));
        EDGE_TRY(at(check(copied), path));
        EDGE_TRY(made.generation, at(generation_of(copied), path));
    }
    EDGE_TRY(sync_file(part.path()));
    EDGE_TRY(rename_to_free(part.path(), file));
    std::error_code failed;
    made.bytes = std::filesystem::file_size(file, failed);
    return made;
}

Result<Restored> restore(const std::string& path, const std::string& file, WallTime now) {
    EDGE_TRY(const auto lock, take_store_lock(path));
    if (!is_there(file)) return Error{Errc::not_found, file, "there is no such backup"};
    if (is_same_file(path, file))
        return Error{Errc::bad_value, file, "is the store already; edge-broker restore --in-place"};
    const Unfinished part(path + ".restoring");
    Restored done;
    {
        EDGE_TRY(auto copied, copy_of(file, part.path()));
        EDGE_TRY(done.generation, at(begin_generation(copied, now), file));
    }
    EDGE_TRY(give_to_owner_of(folder_of(path), part.path()));
    EDGE_TRY(give_to_owner_of(folder_of(path), path + ".lock"));
    EDGE_TRY(sync_file(part.path()));
    EDGE_TRY(done.set_aside, set_aside(path, now));
    // The log is of the store that was there: beside another file it would damage that.
    EDGE_TRY(remove_file(path + "-wal"));
    EDGE_TRY(remove_file(path + "-shm"));
    EDGE_TRY(sync_folder_of(path));
    std::error_code failed;
    std::filesystem::rename(part.path(), path, failed);
    if (failed) return os_error(failed.value(), path, "cannot be replaced");
    EDGE_TRY(sync_folder_of(path));
    return done;
}

Result<Restored> restore_in_place(const std::string& path, WallTime now) {
    EDGE_TRY(const auto lock, take_store_lock(path));
    if (!is_there(path)) return Error{Errc::not_found, path, "there is no store; see [store] path"};
    EDGE_TRY(give_to_owner_of(folder_of(path), path + ".lock"));
    EDGE_TRY(auto db, at(Connection::open(path, Connection::Mode::read_write), path));
    EDGE_TRY(at(db.execute("PRAGMA trusted_schema = OFF; PRAGMA synchronous = FULL"), path));
    EDGE_TRY(auto generation, at(begin_generation(db, now), path));
    return Restored{generation, {}};
}

}  // namespace edge::broker
