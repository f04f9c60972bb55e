// What an HTTP answer says that is not what was asked for. Pure.
#pragma once
#include <chrono>
#include <string>
#include <string_view>

namespace edge::agent {

/// What was answered instead of a session. Who answers has the broker's key, and may be a portal or a proxy before it;
/// wherever it sends us to, nothing is asked there.
std::string refusal_text(unsigned http_status);

/// It may well be otherwise later.
bool is_busy(unsigned http_status);

/// What a busy broker asks for by `Retry-After` (seconds) before the next try, at most an hour; of any other answer 0.
std::chrono::milliseconds wait_asked(unsigned http_status, std::string_view retry_after);

}  // namespace edge::agent
