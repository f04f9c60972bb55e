// sqlite3 as move-only handles and Results. Nothing here knows our tables.
#pragma once
#include <sqlite3.h>

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "protocol/ids.hpp"
#include "protocol/result.hpp"

namespace edge::broker::sqlite {

/// The error a call left behind. unavailable: no space (os_errno is ENOSPC or EDQUOT), or another process holds the
/// file (EBUSY); io: everything else, the connection is not to be trusted.
Error error_of(sqlite3* db, int code);

class Statement {
  public:
    Statement() = default;
    Statement(sqlite3* db, sqlite3_stmt* handle) : db_(db), handle_(handle) {}

    /// Binds, runs to the end and resets. For statements without rows; `args` need to live only for this call.
    template <class... Args>
    Result<> run(const Args&... args) {
        int index = 0;
        (bind(++index, args), ...);
        const int code = sqlite3_step(handle_.get());
        Result<> result = ok();
        if (code != SQLITE_DONE) result = error_of(db_, code);
        sqlite3_reset(handle_.get());
        return result;
    }

    /// Binds for reading with next(); `args` must live until the last next().
    template <class... Args>
    void start(const Args&... args) {
        sqlite3_reset(handle_.get());
        int index = 0;
        (bind(++index, args), ...);
    }
    /// True: there is a row. False: the end; the statement is reset.
    Result<bool> next();
    /// Ends reading before the last row, and with it the read transaction.
    void stop() { sqlite3_reset(handle_.get()); }

    std::int64_t integer(int column) { return sqlite3_column_int64(handle_.get(), column); }
    std::uint64_t natural(int column) { return static_cast<std::uint64_t>(integer(column)); }
    std::uint32_t natural32(int column) { return static_cast<std::uint32_t>(integer(column)); }
    bool is_null(int column) { return sqlite3_column_type(handle_.get(), column) == SQLITE_NULL; }
    std::optional<std::uint64_t> maybe_natural(int column) {
        return is_null(column) ? std::nullopt : std::optional(natural(column));
    }
    /// Valid until the next next().
    std::string_view text(int column);
    /// Zeroes when the column has another length.
    template <std::size_t N>
    std::array<std::uint8_t, N> bytes(int column) {
        std::array<std::uint8_t, N> out{};
        const auto* data = static_cast<const std::uint8_t*>(sqlite3_column_blob(handle_.get(), column));
        if (data && sqlite3_column_bytes(handle_.get(), column) == static_cast<int>(N))
            std::copy_n(data, N, out.begin());
        return out;
    }

  private:
    template <class T>
    void bind(int index, const T& value) {
        if constexpr (std::is_same_v<T, std::nullopt_t>) {
            sqlite3_bind_null(handle_.get(), index);
        } else if constexpr (std::is_enum_v<T> || std::is_integral_v<T>) {
            sqlite3_bind_int64(handle_.get(), index, static_cast<std::int64_t>(value));
        } else if constexpr (std::is_convertible_v<const T&, std::string_view>) {
            const std::string_view text = value;
            sqlite3_bind_text64(handle_.get(), index, text.data() ? text.data() : "", text.size(), SQLITE_STATIC,
                                SQLITE_UTF8);
        } else if constexpr (std::is_convertible_v<const T&, std::span<const std::uint8_t>>) {
            const std::span<const std::uint8_t> blob = value;
            sqlite3_bind_blob64(handle_.get(), index, blob.data(), blob.size(), SQLITE_STATIC);
        } else if constexpr (requires { value.bytes; }) {
            bind(index, value.bytes);
        } else if constexpr (requires { value.text(); }) {
            bind(index, value.text());
        } else {
            value ? bind(index, *value) : bind(index, std::nullopt);
        }
    }

    struct Finalize {
        void operator()(sqlite3_stmt* handle) const { sqlite3_finalize(handle); }
    };
    sqlite3* db_ = nullptr;
    std::unique_ptr<sqlite3_stmt, Finalize> handle_;
};

/// One connection, used by one thread at a time. Must outlive its statements.
class Connection {
  public:
    enum class Mode { read_write, read_only };
    static Result<Connection> open(const std::string& path, Mode mode);

    Result<> execute(const std::string& sql);
    Result<Statement> prepare(std::string_view sql);
    /// The first column of the first row, as text.
    Result<std::string> ask(std::string_view sql);
    bool in_transaction() const { return sqlite3_get_autocommit(handle_.get()) == 0; }
    sqlite3* handle() const { return handle_.get(); }

  private:
    struct Close {
        void operator()(sqlite3* handle) const { sqlite3_close_v2(handle); }
    };
    std::unique_ptr<sqlite3, Close> handle_;
};

}  // namespace edge::broker::sqlite
