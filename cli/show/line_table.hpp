// A long run as a table: a row a line, in place of a row a task.
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "cli/run/run_state.hpp"
#include "cli/show/probe_table.hpp"
#include "cli/show/table.hpp"

namespace edge::cli {

/// More tasks than a person reads, and several of each line.
bool is_told_by_line(const RunState& state);

/// What became of one line's tasks so far.
struct LineFigures {
    LineOfRun line;
    std::size_t ended = 0;
    std::size_t ok = 0;                        // wholly
    std::size_t failed = 0;                    // without a result too; canceled and expired ones are neither
    std::size_t awaited = 0;                   // have ended, with a result that has not come yet
    std::vector<std::uint64_t> measured_us{};  // figure_of() each result that has not failed, in order of size
    double loss_sum = 0;                       // of the results that tell one
    std::size_t losses = 0;
    std::size_t verified = 0;
    std::size_t unverified = 0;  // had a socket, and its way is not shown
    std::string mismatch{};      // the first one's reason
    std::map<std::string, std::size_t> codes{};
    std::map<std::string, std::size_t> others{};                // that ended and are not ok, by what is said of them
    std::vector<std::shared_ptr<const ProbeResult>> results{};  // owners: these figures, their rows

    /// Nothing of it will change any more.
    bool has_ended() const { return ended >= line.tasks && awaited == 0; }
    /// The least of the measured that at least `share` of them do not exceed. Nothing measured: nothing.
    std::optional<std::uint64_t> quantile(double share) const;
};

/// In the order of RunState::lines().
std::vector<LineFigures> figures_of_lines(const RunState& state);

/// The columns, without a row. Room is kept for as many digits as the run has tasks.
Table line_frame(const RunState& state, Detail detail);
std::vector<Cell> line_cells(const RunState& state, const LineFigures& figures, Detail detail);
Table line_table(const RunState& state, Detail detail);

}  // namespace edge::cli
