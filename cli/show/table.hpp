// Rows and columns that fit a terminal.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cli/show/style.hpp"
#include "cli/show/text.hpp"

namespace edge::cli {

struct Cell {
    std::string text{};  // printable()
    Tone tone = Tone::plain;
};

struct Column {
    std::string title{};
    Align align = Align::left;
    /// Where there is not room for all: 0 stays, the highest goes first.
    int spare = 0;
    /// May be cut to fewer columns than its text has, before others go.
    bool elastic = false;
    /// Room its text usually takes, kept for it beforehand so that a live table does not jump. 0: without text no
    /// column.
    std::size_t typical = 0;
    /// Room its text takes if it comes: kept by a log, whose columns are set before there is any.
    std::size_t usual = 0;
};

Column text_column(const char* title, std::size_t typical, int spare = 0, bool elastic = false, std::size_t usual = 0);
Column number_column(const char* title, std::size_t typical, int spare = 0, std::size_t usual = 0);
/// A duration, or nothing where there is none.
Cell time_cell(const std::optional<std::uint64_t>& us, Tone tone = Tone::plain);

struct Table {
    std::vector<Column> columns;
    std::vector<std::vector<Cell>> rows;
};

/// A column's share of a line; none: left out.
using Widths = std::vector<std::optional<std::size_t>>;

/// Columns without any text are left out; then, as `width` demands, elastic ones are cut, spare ones left out, and at
/// last all are cut.
Widths fit(const Table& table, std::optional<std::size_t> width);

std::string header_line(const Table& table, const Widths& widths, const Style& style);
/// What to do with text that is wider than its column.
enum class Overflow { cut, keep };
std::string row_line(const Table& table, const std::vector<Cell>& row, const Widths& widths, const Style& style,
                     Overflow overflow = Overflow::cut);

/// Header and rows, a string a line, without line ends.
std::vector<std::string> lines_of(const Table& table, std::optional<std::size_t> width, const Style& style);

}  // namespace edge::cli
