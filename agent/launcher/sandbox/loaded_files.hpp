// Which files a program needs to start, so that a sandbox can hold these and nothing else.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "protocol/result.hpp"

namespace edge::launcher {

/// The program itself, its loader and every library the loader would map, as absolute paths. Runs the loader, which
/// reads the program and executes nothing of it. Errors: not_found, bad_value (not an ELF file, a library missing).
Result<std::vector<std::string>> loaded_files(const std::string& program);

/// PT_INTERP of an ELF file; empty for a static program. Pure.
Result<std::string> interpreter_of(std::string_view elf);

/// The absolute paths in what `ld.so --list` prints. Pure. Errors: not_found, naming the library.
Result<std::vector<std::string>> paths_listed(std::string_view listing);

}  // namespace edge::launcher
