// What an answer of the broker that is not a success means to the person who asked.
#pragma once
#include <string>
#include <string_view>

#include "cli/exit_codes.hpp"

namespace edge::cli {

/// From the status and the body, which is application/problem+json (RFC 9457) or whatever a proxy wrote.
Trouble trouble_of(int status, std::string_view body);

}  // namespace edge::cli
