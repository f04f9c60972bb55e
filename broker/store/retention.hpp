// How long runs are kept, and at what pace old ones go, so that nobody who writes waits for it. Pure.
#pragma once
#include <algorithm>
#include <cstdint>
#include <optional>

#include "broker/domain/views.hpp"

namespace edge::broker {

/// 0: for ever. Of runs that are finished, from their end on.
struct RetentionRule {
    std::uint64_t runs_us = 0;    // with all that belongs to them
    std::uint64_t failed_us = 0;  // of which a task failed, timed out, expired or was lost
    std::uint64_t keys_us = 0;    // idempotency keys, from their use on
};

/// What may go: all that is older.
struct ForgetBefore {
    WallTime runs = 0;
    WallTime failed = 0;
    WallTime keys = 0;
    WallTime revisions = 0;  // of recurring jobs: replaced ones, of which no run is left
};
/// Longer than any node goes by one after its end.
inline constexpr std::uint64_t kRevisionsKeptUs = 8ULL * 86'400 * 1'000'000;
inline ForgetBefore forget_before(const RetentionRule& rule, WallTime now) {
    const auto before = [now](std::uint64_t age) { return age == 0 || age > now ? 0 : now - age; };
    return {before(rule.runs_us), before(rule.failed_us), before(rule.keys_us), before(kRevisionsKeptUs)};
}

/// What one batch took away, and what is left to do.
struct Forgotten {
    std::uint64_t rows = 0;  // of all tables
    std::uint64_t results = 0;
    std::uint64_t runs = 0;
    std::uint64_t worked_us = 0;  // without the commit, which costs the same for one row and for many
    /// How long the oldest run that is still there may have gone. None: none may.
    std::optional<std::uint64_t> overdue_us;
};

/// When the next batch is due, and how large it is. Units: microseconds of a monotonic clock.
class RetentionPace {
  public:
    static constexpr std::uint32_t kLeastRows = 32;
    static constexpr std::uint32_t kMostRows = 1'024;

    std::uint64_t next() const { return next_; }
    std::uint32_t rows() const { return rows_; }

    /// A batch took so long, with its commit. `others_write`: somebody does, or did a moment ago.
    void done(const Forgotten& batch, std::uint64_t took_us, std::uint64_t now, bool others_write) {
        if (batch.rows >= rows_ / 2) {
            if (batch.worked_us > kAimUs) rows_ = std::max(rows_ / 2, kLeastRows);
            if (batch.worked_us < kAimUs / 2) rows_ = std::min(rows_ * 2, kMostRows);
        }
        // A tenth of the time where others write, half of it where nobody does.
        next_ = now + (batch.overdue_us ? took_us * (others_write ? 9 : 1) : kLookEveryUs);
    }
    /// The store could not be written.
    void failed(std::uint64_t now) { next_ = now + kAgainUs; }

  private:
    static constexpr std::uint64_t kAimUs = 3'000;
    static constexpr std::uint64_t kLookEveryUs = 60'000'000;
    static constexpr std::uint64_t kAgainUs = 1'000'000;
    std::uint32_t rows_ = 64;
    std::uint64_t next_ = 0;
};

}  // namespace edge::broker
