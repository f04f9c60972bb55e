// Comma-separated values, as RFC 4180 has them: quotes, commas and line ends in quotes, CRLF or LF. Pure.
#pragma once
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/result.hpp"

namespace edge::cli {

struct CsvRow {
    std::size_t line = 1;  // where it begins
    std::vector<std::string> fields;
};

/// Rows in their order; lines without a character are none. A byte order mark at the beginning is skipped.
/// Errors: bad_syntax, `where` is the line.
Result<std::vector<CsvRow>> parse_csv(std::string_view text);

/// With its end of line.
std::string csv_line(const std::vector<std::string>& fields);

}  // namespace edge::cli
