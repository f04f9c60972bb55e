#include "cli/commands/describe.hpp"

#include "cli/syntax.hpp"

namespace edge::cli {

void DescribeCommand::add_to(Syntax& edgectl) {
    struct Given : DescribeCommand {
        std::string wait;
    };
    const auto given = std::make_shared<Given>();
    auto syntax = edgectl.add("describe", "WHAT ID", "all about one node, line, run or job");
    syntax.kind(given->kind, Kind::jobs, "node, line, run or job");
    syntax.text("id", "ID", given->id,
                "node: id or name; line: NODE/LINE, or LINE where only one has that name; run, job: id");
    syntax.flag("-f,--follow", given->follow, "of a run: stay until it has finished");
    syntax.output(given->format, "table, wide, json or jsonl");
    syntax.fail_on(given->fail_on);
    syntax.text("--timeout", "TIME", given->wait, "with --follow: wait so long, as 30s or 2m");
    syntax.when_named([given]() -> Answer<Command> {
        if (given->id.empty())
            return usage("describe what: node NAME, line NODE/LINE, run ID or job ID?", "edgectl describe node gz-1");
        EDGE_TRY(given->timeout, duration("--timeout", given->wait));
        return DescribeCommand(*given);
    });
}

Answer<ExitCode> DescribeCommand::carry_out(Client& client, const Screen& screen) const {
    switch (kind) {
        case Kind::nodes:
            return describe_node(*this, client, screen);
        case Kind::lines:
            return describe_line(*this, client, screen);
        case Kind::runs:
            return describe_run(*this, client, screen);
        case Kind::jobs:
            return describe_job(*this, client, screen);
        case Kind::tokens:
            break;
    }
    return Trouble{ExitCode::usage, "describe shows a node, a line, a run or a job", "edgectl help describe"};
}

}  // namespace edge::cli
