#include "broker/store/cursor.hpp"

#include <array>

#include "protocol/codings.hpp"

namespace edge::broker {
namespace {

Error not_ours() {
    return Error{Errc::bad_value, "/cursor", "not a cursor of this list; leave it out to begin at the start"};
}

}  // namespace

// 16 bytes: the kind, seven of the time, eight of the key; as base32, like ids.
std::string make_cursor(char kind, Place place) {
    std::array<std::uint8_t, 16> bytes{};
    for (std::size_t i = 0; i < 8; ++i) {
        bytes[7 - i] = static_cast<std::uint8_t>(place.time >> (8 * i));
        bytes[15 - i] = static_cast<std::uint8_t>(static_cast<std::uint64_t>(place.key) >> (8 * i));
    }
    bytes[0] = static_cast<std::uint8_t>(kind);
    return to_base32(bytes);
}

Result<Place> parse_place(char kind, std::string_view text, Place if_empty) {
    if (text.empty()) return if_empty;
    std::array<std::uint8_t, 16> bytes{};
    if (!from_base32(text, bytes) || bytes[0] != static_cast<std::uint8_t>(kind) || bytes[8] >= 0x80) return not_ours();
    Place place;
    std::uint64_t key = 0;
    for (std::size_t i = 1; i < 8; ++i) place.time = place.time << 8 | bytes[i];
    for (std::size_t i = 8; i < 16; ++i) key = key << 8 | bytes[i];
    place.key = static_cast<std::int64_t>(key);
    return place;
}

Result<std::int64_t> parse_cursor(char kind, std::string_view text, std::int64_t if_empty) {
    EDGE_TRY(const auto place, parse_place(kind, text, Place{0, if_empty}));
    if (place.time != 0) return not_ours();
    return place.key;
}

}  // namespace edge::broker
