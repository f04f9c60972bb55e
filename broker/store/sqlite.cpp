#include "broker/store/sqlite.hpp"

#include <cerrno>

namespace edge::broker::sqlite {

namespace {

constexpr int kPatienceMs = 5'000;  // with others who have the file open: a backup, a person with sqlite3

}  // namespace

Error error_of(sqlite3* db, int code) {
    const int extended = db ? sqlite3_extended_errcode(db) : code;
    const int os_errno = db ? sqlite3_system_errno(db) : 0;
    const int primary = extended & 0xff;
    // Somebody else has the file, a backup say, and did not let go in time.
    const bool busy = primary == SQLITE_BUSY;
    // A full disk also shows as a WAL index that cannot grow, a full quota as a failed write.
    const bool full =
        primary == SQLITE_FULL || extended == SQLITE_IOERR_SHMSIZE ||
        (primary == SQLITE_IOERR && (os_errno == ENOSPC || os_errno == EDQUOT) && extended != SQLITE_IOERR_FSYNC);
    Error error{full || busy ? Errc::unavailable : Errc::io, {}, db ? sqlite3_errmsg(db) : sqlite3_errstr(code)};
    error.detail += " [sqlite " + std::to_string(extended) + "]";
    error.os_errno = primary == SQLITE_IOERR || primary == SQLITE_CANTOPEN ? os_errno : busy ? EBUSY : 0;
    if (full && error.os_errno != EDQUOT) error.os_errno = ENOSPC;
    return error;
}

Result<bool> Statement::next() {
    const int code = sqlite3_step(handle_.get());
    if (code == SQLITE_ROW) return true;
    Result<bool> result = false;
    if (code != SQLITE_DONE) result = error_of(db_, code);
    sqlite3_reset(handle_.get());
    return result;
}

std::string_view Statement::text(int column) {
    const auto* data = reinterpret_cast<const char*>(sqlite3_column_text(handle_.get(), column));
    return data ? std::string_view(data, static_cast<std::size_t>(sqlite3_column_bytes(handle_.get(), column))) : "";
}

Result<Connection> Connection::open(const std::string& path, Mode mode) {
    Connection connection;
    sqlite3* handle = nullptr;
    const int flags = mode == Mode::read_write ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READONLY;
    // NOMUTEX: one thread at a time is our own rule.
    const int code =
        sqlite3_open_v2(path.c_str(), &handle, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nullptr);
    connection.handle_.reset(handle);
    if (code != SQLITE_OK) return error_of(handle, code);
    sqlite3_busy_timeout(handle, kPatienceMs);
    return connection;
}

Result<> Connection::execute(const std::string& sql) {
    const int code = sqlite3_exec(handle_.get(), sql.c_str(), nullptr, nullptr, nullptr);
    if (code != SQLITE_OK) return error_of(handle_.get(), code);
    return ok();
}

Result<Statement> Connection::prepare(std::string_view sql) {
    sqlite3_stmt* handle = nullptr;
    const int code = sqlite3_prepare_v3(handle_.get(), sql.data(), static_cast<int>(sql.size()),
                                        SQLITE_PREPARE_PERSISTENT, &handle, nullptr);
    if (code != SQLITE_OK) return error_of(handle_.get(), code);
    return Statement(handle_.get(), handle);
}

Result<std::string> Connection::ask(std::string_view sql) {
    EDGE_TRY(auto statement, prepare(sql));
    EDGE_TRY(const bool row, statement.next());
    return row ? std::string(statement.text(0)) : std::string();
}

}  // namespace edge::broker::sqlite
