// What `edgectl describe` prints of each kind.
#pragma once
#include "cli/api/client.hpp"
#include "cli/commands/commands.hpp"
#include "cli/show/sheet.hpp"

namespace edge::cli {

Answer<ExitCode> describe_node(const DescribeCommand& command, Client& client, const Screen& screen);
Answer<ExitCode> describe_line(const DescribeCommand& command, Client& client, const Screen& screen);
Answer<ExitCode> describe_run(const DescribeCommand& command, Client& client, const Screen& screen);
Answer<ExitCode> describe_job(const DescribeCommand& command, Client& client, const Screen& screen);

/// What a job is, below its title.
void put_job(Sheet& sheet, const Json& job);

}  // namespace edge::cli
