// The tables, as numbered steps that only ever grow.
#pragma once
#include <span>
#include <string_view>

#include "broker/store/sqlite.hpp"

namespace edge::broker {

/// Step i brings version i to version i + 1.
std::span<const std::string_view> schema_steps();

/// Brings the file to the newest version; each step is one transaction, so that a crash between two of them is taken up
/// at the next start. Errors: unsupported (the file is newer than this program), io.
Result<> migrate(sqlite::Connection& db, std::span<const std::string_view> steps = schema_steps());

}  // namespace edge::broker
