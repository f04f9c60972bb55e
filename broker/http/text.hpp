// What a header and a target may be made of, and how a target is read. Source: RFC 9110 section 5.6, RFC 3986.
#pragma once
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/result.hpp"

namespace edge::http {

bool is_token(std::string_view text);
/// No control characters but tab, so that no header can end early.
bool is_field_value(std::string_view text);
std::string lower(std::string_view text);
bool equal_without_case(std::string_view a, std::string_view b);
/// Text of a stranger, for a log line: no quotes, control or non-ASCII characters, 200 at most.
std::string for_log(std::string_view text);
std::string_view trim(std::string_view text);

/// `%41` becomes `A`, once. Empty: a broken escape, a NUL or control character, or an escaped '/'.
std::optional<std::string> percent_decode(std::string_view text);

/// `a=1&b=2`, decoded ('+' is a space). Errors: bad_value; `where` is the parameter (twice there, or not decodable).
Result<std::map<std::string, std::string>> parse_query(std::string_view query);

}  // namespace edge::http
