#include "broker/gateway/frame_count.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using edge::broker::gateway::FrameCount;

namespace {

using Bytes = std::vector<std::uint8_t>;

constexpr std::uint8_t kText = 0x01, kMore = 0x00, kPing = 0x09, kLast = 0x80;

/// As a client sends it: masked.
Bytes frame(std::uint8_t first, std::size_t size) {
    Bytes bytes{first};
    if (size < 126) {
        bytes.push_back(static_cast<std::uint8_t>(0x80 | size));
    } else {
        const int width = size < 65'536 ? 2 : 8;
        bytes.push_back(width == 2 ? 0xFE : 0xFF);
        for (int i = width - 1; i >= 0; --i) bytes.push_back(static_cast<std::uint8_t>(std::uint64_t{size} >> (8 * i)));
    }
    bytes.insert(bytes.end(), 4 + size, 0x80);  // what would be heads, were it not payload
    return bytes;
}

Bytes message(std::size_t frames, std::size_t each, bool with_pings = false) {
    Bytes bytes;
    for (std::size_t i = 0; i < frames; ++i) {
        const auto first = static_cast<std::uint8_t>((i == 0 ? kText : kMore) | (i + 1 == frames ? kLast : 0));
        const Bytes one = frame(first, each);
        bytes.insert(bytes.end(), one.begin(), one.end());
        if (!with_pings || i + 1 == frames) continue;
        const Bytes ping = frame(kPing | kLast, 3);
        bytes.insert(bytes.end(), ping.begin(), ping.end());
    }
    return bytes;
}

/// Whether it is too many, in pieces of so many bytes.
bool is_too_many(const Bytes& bytes, std::size_t piece) {
    FrameCount count;
    bool too_many = false;
    for (std::size_t at = 0; at < bytes.size(); at += piece)
        too_many = count.saw(std::span(bytes).subspan(at, std::min(piece, bytes.size() - at)));
    return too_many;
}

}  // namespace

TEST_CASE("a message may have 64 frames of any size, with pings between them, and comes in any pieces") {
    const struct {
        const char* what;
        Bytes bytes;
        bool too_many;
    } kCases[]{{"one frame", message(1, 262'144), false},
               {"64 of a byte", message(64, 1), false},
               {"65 of a byte", message(65, 1), true},
               {"64 empty ones", message(64, 0), false},
               {"65 empty ones", message(65, 0), true},
               {"64 with a two-byte length", message(64, 4'096), false},
               {"65 with a two-byte length", message(65, 300), true},
               {"3 with an eight-byte length", message(3, 70'000), false},
               {"64 with pings", message(64, 2, true), false},
               {"65 with pings", message(65, 2, true), true}};
    for (const auto& one : kCases) {
        for (const std::size_t piece : {1U, 2U, 7U, 1'000U, 1'000'000U}) {
            CAPTURE(one.what);
            CAPTURE(piece);
            CHECK(is_too_many(one.bytes, piece) == one.too_many);
        }
    }
}

TEST_CASE("each message is counted by itself, and one that is too many is not forgotten") {
    FrameCount count;
    for (int i = 0; i < 100; ++i) CHECK(!count.saw(message(50, 10)));
    CHECK(count.saw(message(100, 10)));
    CHECK(count.saw(message(1, 10)));
}
