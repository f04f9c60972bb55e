// `edgectl __complete WORD…`: what the shells' scripts in cli/completions ask. No command of anybody's.
#pragma once
#include <string>
#include <vector>

#include "cli/api/environment.hpp"

namespace edge::cli {

inline constexpr std::string_view kCompleteWord = "__complete";

/// Prints a line a candidate, `WORD` or `WORD<tab>WHAT IT IS`. Names are asked of the broker where it is known, for
/// 200 ms at most; errors are nobody's to read, and no candidates.
void complete(const std::vector<std::string>& words, const Answer<Environment>& environment);

}  // namespace edge::cli
