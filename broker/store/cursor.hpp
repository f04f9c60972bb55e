// Where the next page begins, as text that means nothing to its bearer.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "protocol/result.hpp"

namespace edge::broker {

/// `kind` keeps the cursor of one list from being used on another.
std::string make_cursor(char kind, std::int64_t key);

/// The key; `if_empty` for an empty text. Errors: bad_value.
Result<std::int64_t> parse_cursor(char kind, std::string_view text, std::int64_t if_empty);

}  // namespace edge::broker
