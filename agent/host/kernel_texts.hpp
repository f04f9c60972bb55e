// The kernel's small files about pressure and time, taken apart. Pure.
#pragma once
#include <cstdint>
#include <optional>
#include <string_view>

namespace edge::agent {

/// The permille of `some avg10=2.04 …`; nothing when the text is not a pressure file's. Source:
/// Documentation/accounting/psi.rst
std::optional<std::uint32_t> pressure_permille(std::string_view text);

/// The number behind `KEY ` at the start of a line, as in cpu.stat.
std::optional<std::uint64_t> keyed_number(std::string_view text, std::string_view key);

}  // namespace edge::agent
