// The store in one SQLite file.
#pragma once
#include <memory>
#include <string>

#include "broker/store/store.hpp"
#include "protocol/result.hpp"

namespace edge::broker {

/// Opens or creates the file (0600), takes its lock, checks it and brings its schema up to date.
/// Errors: conflict (another broker has it), io (unreadable, damaged: says what to do), unsupported (made by a newer
/// version).
Result<std::unique_ptr<Store>> open_sqlite_store(const std::string& path);

}  // namespace edge::broker
