// A result that fits a message, whatever is in it: one that the broker refuses would be sent again for ever.
#pragma once
#include <cstddef>
#include <string>
#include <string_view>

#include "protocol/link/envelopes.hpp"

namespace edge::link {

/// What any session takes: the least that an agent makes of `welcome.limits.frame_bytes`.
inline constexpr std::size_t kLeastMessage = 4096;

/// Makes the encoded envelope and its line of detail fit `most` bytes, kLeastMessage or more: first the detail goes
/// (and `truncated` is set), then the resolved addresses, then texts are cut. Leaves room for the number that the spool
/// gives.
void fit_result(TaskResult& result, std::string& detail, std::size_t most);

/// The same for a result as encode_envelope() wrote it. Errors: bad_syntax, bad_value when it is none.
Result<std::string> fit_result(std::string_view written, std::size_t most);

}  // namespace edge::link
