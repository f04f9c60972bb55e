// The one door for JSON from outside: nothing else in the project parses bytes it did not write.
// nlohmann 3.11.2 parses 100,000 nested arrays and then crashes on copy or dump, takes the last of two equal keys,
// stops at a NUL, skips a byte order mark and reads an integer of any length as a double; hence a walk of our own,
// which builds the tree as far as it has looked. What it walks with is Boost.JSON's parser (docs/decisions/0007).
#pragma once
#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>

#include "protocol/result.hpp"

namespace edge {

/// Members keep their order, so what we print reads as it was declared.
using Json = nlohmann::ordered_json;

/// Integers beyond it, of either sign, are refused: other people's JSON readers keep them in a double.
inline constexpr std::int64_t kLargestInteger = std::int64_t{1} << 53;

/// The sum of two figures that may be told as JSON; what passes the largest integer is that one.
constexpr std::uint64_t bounded_sum(std::uint64_t a, std::uint64_t b) {
    constexpr auto most = static_cast<std::uint64_t>(kLargestInteger);
    return a >= most || b >= most - a ? most : a + b;
}

struct JsonLimits {
    std::size_t bytes = 256 * 1024;
    std::size_t depth = 32;
    std::size_t values = 65'536;      // of all kinds together
    std::size_t object_keys = 1'024;  // of one object: a tree's lookup costs their number, building it the square
};

/// Walks the text without building a tree. Errors: bad_syntax (with the byte), too_large, bad_value (duplicate key,
/// integer beyond ±2^53, number that is not finite).
Result<> check_json(std::string_view text, const JsonLimits& limits = {});

/// The tree, by the same walk.
Result<Json> parse_json(std::string_view text, const JsonLimits& limits = {});

/// An object as its text, for who carries it and does not look at it. Empty: nothing.
struct JsonText {
    std::string text;

    JsonText() = default;
    explicit JsonText(std::string written) : text(std::move(written)) {}
    JsonText(const Json& tree);
    /// An empty object where the text is none.
    Json tree() const;
    bool operator==(const JsonText&) const = default;
};

/// Compact text; invalid UTF-8 inside strings becomes U+FFFD, so that a hostile banner cannot throw here.
std::string dump_json(const Json& json);

/// Appends the text of a string, with its quotes, as dump_json writes it.
void write_string(std::string& out, std::string_view text);

}  // namespace edge
