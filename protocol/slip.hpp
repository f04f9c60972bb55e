// A word typed in a hurry, and a word of its own that looks like it.
#pragma once
#include <string_view>

namespace edge {

/// Is `typed` rather `word` with a slip than a word of its own? The first letter is the same, and one other is wrong,
/// missing or too many; two of them in a word of six letters or more.
bool is_slip_of(std::string_view typed, std::string_view word);

}  // namespace edge
