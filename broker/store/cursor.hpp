// Where the next page begins, as text that means nothing to its bearer.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "protocol/result.hpp"

namespace edge::broker {

/// The last row of a page: by its key, in a list that goes by time by that first. Units: microseconds, less than 2^56.
struct Place {
    std::uint64_t time = 0;
    std::int64_t key = 0;
    friend auto operator<=>(const Place&, const Place&) = default;
};

/// `kind` keeps the cursor of one list from being used on another.
std::string make_cursor(char kind, Place place);
inline std::string make_cursor(char kind, std::int64_t key) {
    return make_cursor(kind, Place{0, key});
}

/// `if_empty` for an empty text. Errors: bad_value.
Result<Place> parse_place(char kind, std::string_view text, Place if_empty);
/// … of a list that goes by key.
Result<std::int64_t> parse_cursor(char kind, std::string_view text, std::int64_t if_empty);

}  // namespace edge::broker
