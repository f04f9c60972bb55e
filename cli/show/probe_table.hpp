// A run as a table: what each service's answers are told by, and how each line's evidence stands.
#pragma once
#include <limits>
#include <string>

#include "cli/run/run_state.hpp"
#include "cli/show/table.hpp"

namespace edge::cli {

enum class Detail { normal, wide };

/// A row a task, in the order of the run; where lines have several tasks each, line by line, with each task's number.
/// At most `most` rows.
Table probe_table(const RunState& state, Detail detail, std::size_t most = std::numeric_limits<std::size_t>::max());
/// One row of it. Its first kNames cells are known before there is a result.
constexpr std::size_t kNames = 4;
std::vector<Cell> probe_cells(const RunState& state, const Row& row, Detail detail);

/// `2 of 3 ok: ct 12.4 ms · cu 26.6 ms · cm 1 failed`
std::string summary_line(const RunState& state);

/// What lines are compared by: round trip, answer or page. Units: microseconds.
std::optional<std::uint64_t> figure_of(const ProbeResult& result);

/// The columns that Detail::wide adds, and what a result has to say in them.
std::vector<Column> wide_columns();
std::vector<Cell> wide_cells(const Evidence& evidence);

Tone tone_of(std::string_view outcome);
/// `no reply in time (path, wait, timeout)`
std::string failure_text(const Failure& failure);

}  // namespace edge::cli
