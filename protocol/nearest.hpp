// "Did you mean": the candidate closest to what was typed.
#pragma once
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace edge {

/// The candidate with the smallest edit distance, if that is at most a third of the longer word, rounded up.
std::optional<std::string> nearest(std::string_view typed, std::span<const std::string> candidates);

/// `; did you mean "x"?`, or two or three that are as near; nothing where more are, or none is. `before` stands before
/// each.
std::string did_you_mean(std::string_view typed, std::span<const std::string> candidates, std::string_view before = {});

}  // namespace edge
