#include "cli/show/table.hpp"

#include <algorithm>

#include "cli/show/figures.hpp"

namespace edge::cli {
namespace {

constexpr std::size_t kGap = 2;
constexpr std::size_t kLeastElastic = 12;

std::size_t total(const Widths& widths) {
    std::size_t sum = 0;
    for (const auto& width : widths) sum += width ? *width + kGap : 0;
    return sum > kGap ? sum - kGap : 0;
}

Widths natural(const Table& table) {
    Widths widths(table.columns.size());
    for (std::size_t i = 0; i < table.columns.size(); ++i) {
        std::size_t widest = table.columns[i].typical;
        for (const auto& row : table.rows) widest = std::max(widest, i < row.size() ? display_width(row[i].text) : 0);
        if (widest > 0 || table.rows.empty()) widths[i] = std::max(widest, display_width(table.columns[i].title));
    }
    return widths;
}

/// Takes `excess` columns from the elastic ones, as far as they go.
void squeeze(const Table& table, Widths& widths, std::size_t excess) {
    for (std::size_t i = 0; i < widths.size() && excess > 0; ++i) {
        if (!table.columns[i].elastic || !widths[i] || *widths[i] <= kLeastElastic) continue;
        const std::size_t taken = std::min(excess, *widths[i] - kLeastElastic);
        *widths[i] -= taken;
        excess -= taken;
    }
}

/// For terminals of no use: takes from the widest until it fits.
void crush(Widths& widths, std::size_t most) {
    while (total(widths) > most) {
        const auto widest = std::max_element(widths.begin(), widths.end());
        if (!*widest || **widest <= 1) return;
        --**widest;
    }
}

/// Leaves the most spare column out. False when only columns that must stay are left.
bool drop_one(const Table& table, Widths& widths) {
    std::size_t victim = widths.size();
    for (std::size_t i = 0; i < widths.size(); ++i) {
        if (!widths[i] || table.columns[i].spare == 0) continue;
        if (victim == widths.size() || table.columns[i].spare >= table.columns[victim].spare) victim = i;
    }
    if (victim == widths.size()) return false;
    widths[victim].reset();
    return true;
}

std::string joined(const Table& table, const Widths& widths, const Style& style, Overflow overflow,
                   const auto& cell_at) {
    std::string line;
    std::size_t owed = 0;  // spaces before the next cell; none are left at a line's end
    for (std::size_t i = 0; i < widths.size(); ++i) {
        if (!widths[i]) continue;
        const Cell cell = cell_at(i);
        const std::string text = overflow == Overflow::cut ? cut(cell.text, *widths[i]) : cell.text;
        const std::size_t blank = *widths[i] - std::min(*widths[i], display_width(text));
        const bool right = table.columns[i].align == Align::right;
        if (!text.empty()) {
            line.append(owed + (right ? blank : 0), ' ').append(style.paint(text, cell.tone));
            owed = right ? 0 : blank;
        } else {
            owed += blank;
        }
        owed += kGap;
    }
    return line;
}

}  // namespace

Column text_column(const char* title, std::size_t typical, int spare, bool elastic, std::size_t usual) {
    return {.title = title, .spare = spare, .elastic = elastic, .typical = typical, .usual = usual};
}

Column number_column(const char* title, std::size_t typical, int spare, std::size_t usual) {
    return {.title = title, .align = Align::right, .spare = spare, .typical = typical, .usual = usual};
}

Cell time_cell(const std::optional<std::uint64_t>& us, Tone tone) {
    return us ? Cell{duration_text(*us), tone} : Cell{};
}

Widths fit(const Table& table, std::optional<std::size_t> width) {
    Widths widths = natural(table);
    if (!width) return widths;
    while (true) {
        const std::size_t before = total(widths);
        if (before <= *width) return widths;
        Widths squeezed = widths;
        squeeze(table, squeezed, before - *width);
        if (total(squeezed) <= *width) return squeezed;
        if (!drop_one(table, widths)) {
            crush(squeezed, *width);
            return squeezed;
        }
    }
}

std::string header_line(const Table& table, const Widths& widths, const Style& style) {
    return joined(table, widths, style, Overflow::cut, [&](std::size_t i) {
        return Cell{table.columns[i].title, Tone::dim};
    });
}

std::string row_line(const Table& table, const std::vector<Cell>& row, const Widths& widths, const Style& style,
                     Overflow overflow) {
    return joined(table, widths, style, overflow, [&](std::size_t i) { return i < row.size() ? row[i] : Cell{}; });
}

std::vector<std::string> lines_of(const Table& table, std::optional<std::size_t> width, const Style& style) {
    const Widths widths = fit(table, width);
    std::vector<std::string> lines{header_line(table, widths, style)};
    for (const auto& row : table.rows) lines.push_back(row_line(table, row, widths, style));
    return lines;
}

}  // namespace edge::cli
