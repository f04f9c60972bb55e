#include "agent/launcher/usage_ledger.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>

namespace edge::launcher {
namespace {

constexpr std::uint64_t kDayS = 86'400;
constexpr std::uint64_t kSlotS = 300;
constexpr std::uint64_t kSlotsOver = 20;  // one of so many may be above the rate

/// Has a page to be turned: forward, or the clock was set back by so much that the old page tells nothing.
bool is_other(std::uint64_t is, std::uint64_t was, std::uint64_t back) {
    return is > was || is + back < was;
}

}  // namespace

std::uint64_t allowed_rate(Allowance allowance, std::uint64_t rate, std::uint64_t p95_rate) {
    if (allowance != Allowance::p95) return rate;
    // A second's worth may leave at once, so a slot held to 299/300 of the rate is never above the rate.
    const std::uint64_t below = std::max<std::uint64_t>(p95_rate / kSlotS * (kSlotS - 1), 1);
    return rate == 0 ? below : std::min(rate, below);
}

void UsageLedger::turn_pages(std::uint64_t now_s) {
    using namespace std::chrono;
    Counts& c = counts_;
    if (const std::uint64_t slot = now_s / kSlotS; is_other(slot, c.slot, kDayS / kSlotS)) {
        if (limits_.p95_bytes_per_s > 0 && c.slot_sent > limits_.p95_bytes_per_s * kSlotS) ++c.slots_over;
        c.slot = slot;
        c.slot_sent = 0;
    }
    const std::uint64_t day = now_s / kDayS;
    if (!is_other(day, c.day, 1)) return;
    c.day = day;
    c.day_bytes = 0;
    const year_month_day date{sys_days(days(static_cast<int>(day)))};
    const auto month =
        static_cast<std::uint64_t>(static_cast<int>(date.year())) * 12 + static_cast<unsigned>(date.month());
    if (month == c.month) return;
    c.month = month;
    c.slots_over = 0;
    const year_month_day_last last{date.year(), month_day_last(date.month())};
    c.month_slots = static_cast<unsigned>(last.day()) * kDayS / kSlotS;
}

void UsageLedger::add(std::uint64_t sent, std::uint64_t received, std::uint64_t now_s) {
    turn_pages(now_s);
    counts_.day_bytes += sent + received;
    counts_.slot_sent += sent;
}

Allowance UsageLedger::allowance() const {
    if (limits_.bytes_per_day > 0 && counts_.day_bytes >= limits_.bytes_per_day) return Allowance::none;
    if (limits_.p95_bytes_per_s > 0 && counts_.slots_over >= counts_.month_slots / kSlotsOver) return Allowance::p95;
    return Allowance::all;
}

std::string UsageLedger::text() const {
    const Counts& c = counts_;
    std::string text;
    for (const std::uint64_t number : {c.day, c.day_bytes, c.month, c.month_slots, c.slots_over, c.slot, c.slot_sent})
        text += (text.empty() ? "" : " ") + std::to_string(number);
    return text;
}

Result<> UsageLedger::restore(std::string_view text) {
    std::array<std::uint64_t, 7> numbers{};
    for (std::size_t i = 0; i < numbers.size(); ++i) {
        const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), numbers[i]);
        const bool last = i + 1 == numbers.size();
        text.remove_prefix(static_cast<std::size_t>(end - text.data()));
        if (failed != std::errc{} || (last ? !text.empty() : !text.starts_with(' ')))
            return Error{Errc::bad_syntax, {}, "expected seven numbers"};
        if (!last) text.remove_prefix(1);
    }
    counts_ = {numbers[0], numbers[1], numbers[2], numbers[3], numbers[4], numbers[5], numbers[6]};
    return ok();
}

}  // namespace edge::launcher
