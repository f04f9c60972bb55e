// Which files a program needs to start, so that a sandbox can hold these and nothing else.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "protocol/result.hpp"

namespace edge::launcher {

/// The program itself, its loader and every library the loader would map, as absolute paths. Asks the loader, which
/// reads the program and executes nothing of it. Errors: bad_value (not a program for this machine), not_found.
Result<std::vector<std::string>> loaded_files(const std::string& program);

/// The absolute paths in what `ld.so --list` prints. Pure. Errors: not_found, naming the library.
Result<std::vector<std::string>> paths_listed(std::string_view listing);

}  // namespace edge::launcher
