#include "broker/store/cursor.hpp"

#include <algorithm>
#include <array>

#include "protocol/codings.hpp"

namespace edge::broker {

// 16 bytes: the kind, seven zeroes, the key; as base32, like ids.
std::string make_cursor(char kind, std::int64_t key) {
    std::array<std::uint8_t, 16> bytes{};
    bytes[0] = static_cast<std::uint8_t>(kind);
    for (std::size_t i = 0; i < 8; ++i)
        bytes[15 - i] = static_cast<std::uint8_t>(static_cast<std::uint64_t>(key) >> (8 * i));
    return to_base32(bytes);
}

Result<std::int64_t> parse_cursor(char kind, std::string_view text, std::int64_t if_empty) {
    if (text.empty()) return if_empty;
    std::array<std::uint8_t, 16> bytes{};
    const bool ours = from_base32(text, bytes) && bytes[0] == static_cast<std::uint8_t>(kind) && bytes[8] < 0x80 &&
                      std::all_of(bytes.begin() + 1, bytes.begin() + 8, [](std::uint8_t b) { return b == 0; });
    if (!ours)
        return Error{Errc::bad_value, "/cursor", "not a cursor of this list; leave it out to begin at the start"};
    std::uint64_t key = 0;
    for (std::size_t i = 8; i < 16; ++i) key = key << 8 | bytes[i];
    return static_cast<std::int64_t>(key);
}

}  // namespace edge::broker
