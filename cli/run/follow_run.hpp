// What is done with a run that exists, by more than one command.
#pragma once
#include <chrono>
#include <optional>
#include <string>

#include "cli/api/client.hpp"
#include "cli/run/run_state.hpp"
#include "cli/show/run_view.hpp"

namespace edge::cli {

/// Follows it to its end and says how it went. The first Ctrl-C leaves it alone, a second one cancels it.
Answer<ExitCode> follow(const std::string& run_id, std::optional<std::chrono::milliseconds> timeout, FailOn fail_on,
                        Format format, Client& client, const Screen& screen);

/// Asks the broker to stop it; what became of it, as text to print.
Answer<std::string> cancel_run(const std::string& run_id, Format format, Client& client);

}  // namespace edge::cli
