// What the plan is on the disk: `plans`, replaced whole, and `plan-ticks`, a log of what fired. Reading and writing the
// bytes is pure.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/plan/planner.hpp"

namespace edge::agent {

inline constexpr const char* kPlansFile = "plans";
inline constexpr const char* kTicksFile = "plan-ticks";

std::string encode_plans(const std::vector<const link::PlanSet*>& plans);
/// Errors: unsupported (a newer format), bad_syntax or bad_value (damaged, or something else).
Result<std::vector<link::PlanSet>> decode_plans(std::string_view text);

/// The log's beginning, then records: what fired, and when the broker was there last.
std::string ticks_header();
void append_mark(std::string& log, const FiredMark& mark);
void append_contact(std::string& log, std::uint64_t wall_us);

struct TicksRead {
    std::vector<FiredMark> marks;
    std::optional<std::uint64_t> contact_us;
    std::size_t end = 0;  // what is behind it is torn
};
/// Errors: unsupported (a newer format), bad_syntax (something else).
Result<TicksRead> read_ticks(std::string_view log);

}  // namespace edge::agent
