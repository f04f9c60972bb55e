// A run as a table: what each service's answers are told by, and how each line's evidence stands.
#pragma once
#include <string>

#include "cli/run/run_state.hpp"
#include "cli/show/table.hpp"

namespace edge::cli {

enum class Detail { normal, wide };

/// A row a task, in the order of the run.
Table probe_table(const RunState& state, Detail detail);
/// One row of it.
std::vector<Cell> probe_cells(const std::string& service, const Row& row, Detail detail);

/// `2 of 3 lines ok in 5.0 s: ct 12.4 ms, cu 26.6 ms, cm 1 failed`
std::string summary_line(const RunState& state);

Tone tone_of(std::string_view outcome);
/// `no reply in time (path, wait, timeout)`
std::string failure_text(const Failure& failure);

}  // namespace edge::cli
