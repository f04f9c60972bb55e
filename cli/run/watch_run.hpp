// Follows a run to its end, whatever happens to the connection meanwhile.
#pragma once
#include <chrono>
#include <optional>
#include <string>

#include "cli/api/client.hpp"
#include "cli/run/run_state.hpp"
#include "cli/show/run_view.hpp"

namespace edge::cli {

/// Returns when the run has finished. Errors: interrupted, wait_timed_out, and what the broker refused; what is known
/// so far is in `state` and has been shown.
Answer<> watch_run(Client& client, const std::string& run_id,
                   std::optional<std::chrono::steady_clock::time_point> deadline, RunState& state, RunView& view);

/// The run, its tasks and its results as they are now.
Answer<> fetch_run(Client& client, const std::string& run_id, RunState& state);

}  // namespace edge::cli
