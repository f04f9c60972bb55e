// What one line has used of its day and of its month, and what it may use now. Pure: bytes and the wall clock go in.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "protocol/result.hpp"

namespace edge::launcher {

/// 0 is no limit.
struct UsageLimits {
    std::uint64_t bytes_per_day = 0;
    std::uint64_t p95_bytes_per_s = 0;
};

enum class Allowance {
    all,
    p95,   // this month's share of slots above the 95th percentile is spent
    none,  // the day's bytes are spent
};

/// What may leave a second while this is allowed, of the line's rate and that of its 95th percentile. Units: bytes; a
/// rate of 0 is no limit.
std::uint64_t allowed_rate(Allowance allowance, std::uint64_t rate, std::uint64_t p95_rate);

/// Units: bytes; `now_s` seconds since 1970, UTC. A slot is five minutes: of a month 5 % of them may be above the rate,
/// as carriers bill the 95th percentile. A clock that goes back by less than a day opens nothing again.
class UsageLedger {
  public:
    explicit UsageLedger(UsageLimits limits) : limits_(limits) {}

    void add(std::uint64_t sent, std::uint64_t received, std::uint64_t now_s);
    Allowance allowance() const;
    std::uint64_t day_bytes() const { return counts_.day_bytes; }

    /// One line of numbers, and back. Errors: bad_syntax.
    std::string text() const;
    Result<> restore(std::string_view text);

  private:
    void turn_pages(std::uint64_t now_s);

    struct Counts {
        std::uint64_t day = 0;  // since 1970
        std::uint64_t day_bytes = 0;
        std::uint64_t month = 0;  // year · 12 + month
        std::uint64_t month_slots = 0;
        std::uint64_t slots_over = 0;  // that ended above the rate
        std::uint64_t slot = 0;        // since 1970
        std::uint64_t slot_sent = 0;
    };
    UsageLimits limits_;
    Counts counts_;
};

}  // namespace edge::launcher
