// The log of a program: the journal where standard error is the journal, else lines on standard error.
#pragma once
#include <spdlog/logger.h>

#include <memory>
#include <string>

namespace edge::systemd {

/// Made once, by main; spdlog's default from then on. `level`: trace, debug, info, warn or error.
/// A line begins with its time, in UTC, and its level; the journal has both as fields of their own.
std::shared_ptr<spdlog::logger> open_program_log(const std::string& program, const std::string& level);

}  // namespace edge::systemd
