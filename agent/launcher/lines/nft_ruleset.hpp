// The nft rules that hold a line's uids to the line, from fixed templates, and the counters that come back. Pure.
#pragma once
#include <string>
#include <string_view>

#include "agent/launcher/lines/guard_programs.hpp"
#include "agent/launcher/lines/target_table.hpp"

namespace edge::launcher {

/// What removes our table, whether it is there or not.
std::string nft_removal();

/// One line's rules, and of the table what is not there yet; in the place of the line's rules of before. What leaves by
/// another device or from another address, what is no TCP, UDP or ping, forbidden targets and ports are rejected, what
/// is beyond the budget dropped; the rest is marked and counted.
/// Source: nft(8), "META EXPRESSIONS", "LIMIT STATEMENT", "SET STATEMENT".
std::string nft_line(const std::string& line, const Binding& binding, const TargetTable& targets);

/// Forgets what was counted of a uid.
std::string nft_counters_removal(std::uint32_t uid);
/// Lists the table, and what such a list says of a uid.
std::string nft_listing();
Traffic traffic_in(std::string_view listing, std::uint32_t uid);

}  // namespace edge::launcher
