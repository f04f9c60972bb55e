// What edgectl does, one function a command. Each prints data to the screen's `out` and everything else to `err`.
#pragma once
#include "cli/api/client.hpp"
#include "cli/command_line.hpp"
#include "cli/show/run_view.hpp"

namespace edge::cli {

Answer<ExitCode> run_probe(const ProbeCommand& command, Client& client, const Screen& screen);
Answer<ExitCode> get(const GetCommand& command, Client& client, const Screen& screen);
Answer<ExitCode> describe(const DescribeCommand& command, Client& client, const Screen& screen);
/// On a terminal painted again until Ctrl-C, elsewhere told once.
Answer<ExitCode> top(const TopCommand& command, Client& client, const Screen& screen);
Answer<ExitCode> cancel(const CancelCommand& command, Client& client, const Screen& screen);
Answer<ExitCode> create_token(const TokenCommand& command, Client& client, const Screen& screen);
Answer<ExitCode> call_api(const ApiCommand& command, Client& client, const Screen& screen);
/// `client` is null where the environment names no broker.
Answer<ExitCode> version(Client* client, const Screen& screen);

/// Asks the broker to stop a run; what became of it, as text to print.
Answer<std::string> cancel_run(const std::string& run_id, Format format, Client& client);

/// Follows a run that exists to its end and says how it went; also of `describe run --follow`.
Answer<ExitCode> follow(const std::string& run_id, std::optional<std::chrono::milliseconds> timeout, FailOn fail_on,
                        Format format, Client& client, const Screen& screen);

}  // namespace edge::cli
