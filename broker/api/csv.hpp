// A row of CSV. Pure. Source: RFC 4180.
#pragma once
#include <string>
#include <vector>

namespace edge::broker::api {

/// One row with its line break. Text that a spreadsheet would take for a formula gets a `'` before it: names and
/// reasons come from nodes, and who opens the file did not write them.
std::string csv_row(const std::vector<std::string>& cells);

}  // namespace edge::broker::api
