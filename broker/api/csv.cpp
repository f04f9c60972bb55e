#include "broker/api/csv.hpp"

#include <string_view>

namespace edge::broker::api {
namespace {

constexpr std::string_view kBeginsFormula = "=+-@\t\r";

bool is_number(std::string_view text) {
    if (text.starts_with('-')) text.remove_prefix(1);
    return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

void add(std::string& row, std::string_view cell) {
    const bool formula =
        !cell.empty() && kBeginsFormula.find(cell.front()) != std::string_view::npos && !is_number(cell);
    if (!formula && cell.find_first_of("\",\r\n") == std::string_view::npos) {
        row += cell;
        return;
    }
    row += formula ? "\"'" : "\"";
    for (const char c : cell) {
        if (c == '"') row += '"';
        row += c;
    }
    row += '"';
}

}  // namespace

std::string csv_row(const std::vector<std::string>& cells) {
    std::string row;
    for (std::size_t i = 0; i < cells.size(); ++i) {
        if (i > 0) row += ',';
        add(row, cells[i]);
    }
    return row + "\r\n";
}

}  // namespace edge::broker::api
