#include "cli/show/line_table.hpp"

#include <algorithm>
#include <cmath>

#include "cli/show/figures.hpp"

namespace edge::cli {
namespace {

constexpr std::size_t kMostTaskRows = 50;

using Counted = std::pair<std::string, std::size_t>;
std::vector<Counted> most_frequent_first(const std::map<std::string, std::size_t>& counts) {
    std::vector<Counted> sorted(counts.begin(), counts.end());
    std::stable_sort(sorted.begin(), sorted.end(),
                     [](const Counted& a, const Counted& b) { return a.second > b.second; });
    return sorted;
}

/// `200`, or `200 ×990, 503 ×10`.
Cell codes_cell(const LineFigures& figures) {
    if (figures.codes.size() == 1) return {printable(figures.codes.begin()->first)};
    std::string text;
    for (const auto& [code, count] : most_frequent_first(figures.codes))
        text += (text.empty() ? "" : ", ") + code + " ×" + std::to_string(count);
    return {printable(text), Tone::warn};
}

Cell evidence_cell(const LineFigures& figures) {
    if (figures.unverified > 0) return {std::to_string(figures.unverified) + " UNVERIFIED", Tone::bad};
    if (figures.verified > 0) return {"verified", Tone::good};
    return figures.results.empty() ? Cell{} : Cell{"no socket", Tone::dim};
}

/// `12 × no reply in time (path, wait, timeout), 3 others`
Cell note_cell(const LineFigures& figures) {
    if (figures.unverified > 0) return {printable(figures.mismatch), Tone::bad};
    if (figures.others.empty()) return {};
    const auto told = most_frequent_first(figures.others);
    const std::size_t more = figures.ended - figures.ok - told[0].second;
    return {printable(std::to_string(told[0].second) + " × " + told[0].first +
                      (more > 0 ? ", " + std::to_string(more) + " others" : "")),
            figures.failed > 0 ? Tone::bad : Tone::warn};
}

/// What all results of the line say alike; `several` where they differ.
std::vector<Cell> common_wide_cells(const LineFigures& figures) {
    std::vector<Cell> common(wide_columns().size());
    for (const auto& result : figures.results) {
        const auto cells = wide_cells(result->evidence);
        for (std::size_t i = 0; i < cells.size(); ++i) {
            if (cells[i].text.empty() || result->evidence.src_addr.empty()) continue;
            if (common[i].text.empty()) common[i] = cells[i];
            if (common[i].text != cells[i].text) common[i] = {"several", Tone::warn};
        }
    }
    return common;
}

void count(LineFigures& figures, const Row& row) {
    if (!has_ended(row)) return;
    const std::string outcome(outcome_of(row));
    ++figures.ended;
    if (outcome == "ok") ++figures.ok;
    if (has_failed(row)) ++figures.failed;
    if (!row.result) {
        if (outcome != "ok") ++figures.others[outcome];
        if (owes_result(row)) ++figures.awaited;
        return;
    }
    const ProbeResult& result = *row.result;
    figures.results.push_back(row.result);
    if (outcome != "ok") ++figures.others[has_failed(row) && result.failure ? failure_text(*result.failure) : outcome];
    if (const auto us = figure_of(result); us && has_answered(row)) figures.measured_us.push_back(*us);
    if (result.summary.loss) {
        figures.loss_sum += *result.summary.loss;
        ++figures.losses;
    }
    if (result.summary.code) ++figures.codes[*result.summary.code];
    if (result.evidence.verified) {
        ++figures.verified;
    } else if (!result.evidence.src_addr.empty()) {
        if (figures.unverified++ == 0) figures.mismatch = result.evidence.mismatch_reason;
    }
}

}  // namespace

bool is_told_by_line(const RunState& state) {
    return state.repeats() && std::max<std::size_t>(state.run().tasks.total, state.rows().size()) > kMostTaskRows;
}

std::optional<std::uint64_t> LineFigures::quantile(double share) const {
    if (measured_us.empty()) return std::nullopt;
    const auto rank = static_cast<std::size_t>(std::ceil(share * static_cast<double>(measured_us.size())));
    return measured_us[std::clamp<std::size_t>(rank, 1, measured_us.size()) - 1];
}

std::vector<LineFigures> figures_of_lines(const RunState& state) {
    std::vector<LineFigures> lines;
    for (const auto& line : state.lines()) lines.push_back({.line = line});
    for (const auto& row : state.rows()) {
        if (row.number > 0) count(lines[row.line], row);
    }
    for (auto& line : lines) std::sort(line.measured_us.begin(), line.measured_us.end());
    return lines;
}

Table line_frame(const RunState& state, Detail detail) {
    std::size_t most = 0;
    for (const auto& line : state.lines()) most = std::max<std::size_t>(most, line.tasks);
    const std::size_t digits = std::to_string(most).size();
    Table table;
    table.columns = {text_column("NODE", 4, 1),      text_column("LINE", 4),
                     text_column("CARRIER", 0, 2),   number_column("DONE", 2 * digits + 1),
                     number_column("OK", digits, 1), number_column("FAILED", digits)};
    if (state.run().service == "ping") table.columns.push_back(number_column("LOSS", 4, 1));
    const Column codes{.title = "CODES", .spare = 2, .elastic = true, .usual = 7};
    for (const auto& column : {number_column("MIN", 7, 3), number_column("P50", 7), number_column("P95", 7, 4),
                               number_column("MAX", 7, 3), codes, text_column("EVIDENCE", 8)})
        table.columns.push_back(column);
    if (detail == Detail::wide) {
        for (auto& column : wide_columns()) table.columns.push_back(column);
    }
    table.columns.push_back(text_column("NOTE", 0, 0, true));
    return table;
}

std::vector<Cell> line_cells(const RunState& state, const LineFigures& figures, Detail detail) {
    std::vector<Cell> cells{{printable(figures.line.node.name)},
                            {printable(figures.line.line.name)},
                            {printable(figures.line.line.carrier)},
                            {std::to_string(figures.ended) + "/" + std::to_string(figures.line.tasks),
                             figures.has_ended() ? Tone::plain : Tone::busy},
                            {std::to_string(figures.ok), figures.ok > 0 ? Tone::good : Tone::dim},
                            {std::to_string(figures.failed), figures.failed > 0 ? Tone::bad : Tone::dim}};
    if (state.run().service == "ping") {
        const double loss = figures.losses > 0 ? figures.loss_sum / static_cast<double>(figures.losses) : 0;
        cells.push_back(figures.losses > 0 ? Cell{percent_text(loss), loss > 0 ? Tone::warn : Tone::plain} : Cell{});
    }
    for (const double share : {0.0, 0.5, 0.95, 1.0}) cells.push_back(time_cell(figures.quantile(share)));
    cells.push_back(codes_cell(figures));
    cells.push_back(evidence_cell(figures));
    if (detail == Detail::wide) {
        for (auto& cell : common_wide_cells(figures)) cells.push_back(std::move(cell));
    }
    cells.push_back(note_cell(figures));
    return cells;
}

Table line_table(const RunState& state, Detail detail) {
    Table table = line_frame(state, detail);
    for (const auto& figures : figures_of_lines(state)) table.rows.push_back(line_cells(state, figures, detail));
    return table;
}

}  // namespace edge::cli
