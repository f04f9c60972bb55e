#include "protocol/ids.hpp"

#include <algorithm>

namespace edge {
namespace {

void stamp(Uuid& uuid, std::uint8_t version) {
    uuid[6] = static_cast<std::uint8_t>((uuid[6] & 0x0f) | version << 4);
    uuid[8] = static_cast<std::uint8_t>((uuid[8] & 0x3f) | 0x80);
}

}  // namespace

Uuid make_uuid7(std::uint64_t unix_ms, std::span<const std::uint8_t, 10> random) {
    Uuid uuid{};
    for (std::size_t i = 0; i < 6; ++i) uuid[i] = static_cast<std::uint8_t>(unix_ms >> (40 - 8 * i));
    std::copy(random.begin(), random.end(), uuid.begin() + 6);
    stamp(uuid, 7);
    return uuid;
}

Uuid make_uuid8(std::span<const std::uint8_t> hash) {
    Uuid uuid{};
    std::copy_n(hash.begin(), std::min<std::size_t>(hash.size(), uuid.size()), uuid.begin());
    stamp(uuid, 8);
    return uuid;
}

}  // namespace edge
