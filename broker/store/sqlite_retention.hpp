// Taking old rows away, a few at a time.
#pragma once
#include <optional>

#include "broker/store/records.hpp"
#include "broker/store/retention.hpp"
#include "broker/store/sqlite.hpp"

namespace edge::broker {

/// The writer's part for retention; `db` must outlive it. forget() is called inside a transaction.
class SqliteRetention {
  public:
    Result<> prepare(sqlite::Connection& db);
    Result<Forgotten> forget(const ForgetBefore& before, std::uint32_t most_rows);

  private:
    struct OldRun {
        RunRow row{};
        JobRow job{};
        std::uint64_t overdue_us = 0;
    };
    Result<std::optional<OldRun>> oldest(const ForgetBefore& before);
    Result<std::optional<OldRun>> oldest_of(bool failed, WallTime before);
    /// False: there was more than `left`.
    Result<bool> forget_run(const OldRun& run, WallTime revisions, std::uint64_t& left, Forgotten& gone);
    template <class... Args>
    Result<std::uint64_t> remove(sqlite::Statement& statement, const Args&... args);

    sqlite3* db_ = nullptr;
    sqlite::Statement oldest_, details_, results_, tasks_, keys_of_run_, run_, job_, keys_;
};

}  // namespace edge::broker
