// Whole small files: configuration that only root, or who is named, may have written, and the one-value files of /proc
// and cgroupfs.
#pragma once
#include <string>
#include <string_view>

#include "protocol/result.hpp"

namespace edge::launcher {

/// The file's text. Errors: not_found (missing or unreadable), too_large.
Result<std::string> read_file(const std::string& path, std::size_t limit = 64 * 1024);

/// As read_file, but refuses what anybody but root and this user could have written: we do what it says.
/// Errors: not_found, too_large, denied (owner or mode; `detail` says which command mends it).
Result<std::string> read_trusted_file(const std::string& path, uid_t user);

/// The same of a folder: who may write it may put another file there. One that is not there passes. Errors: denied.
Result<> check_trusted_folder(const std::string& path, uid_t user);

/// The text is on the disk under this name when it returns; a crash leaves the old text or the new. Errors: io.
Result<> replace_file(const std::string& path, std::string_view text);

/// One write(2) of `text`: cgroupfs and /proc take a value as one write. Errors: io.
Result<> write_file(const std::string& path, std::string_view text);

}  // namespace edge::launcher
