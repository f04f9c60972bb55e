// SHA-256 (FIPS 180-4), for the one digest the launcher tells: of policy.toml. Written out here because linking
// libcrypto costs this process 3.5 MB resident, as much as all the rest of it, and its code runs as root.
#pragma once
#include <array>
#include <cstdint>
#include <string_view>

namespace edge::launcher {

std::array<std::uint8_t, 32> sha256(std::string_view bytes);

}  // namespace edge::launcher
