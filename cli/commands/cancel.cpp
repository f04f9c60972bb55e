#include "cli/api/problem.hpp"
#include "cli/commands/commands.hpp"
#include "cli/commands/things.hpp"
#include "protocol/json/described.hpp"

namespace edge::cli {
namespace {

std::string counted(std::uint32_t count, const char* what) {
    return std::to_string(count) + (count == 1 ? " task " : " tasks ") + what;
}

}  // namespace

Answer<std::string> cancel_run(const std::string& run_id, Format format, Client& client) {
    const auto reply = client.call({.method = "POST", .path = "/api/v1/runs/" + percent_encoded(run_id) + "/cancel"});
    if (!reply) return client.trouble(reply.error());
    if (reply.value().status != 202) return trouble_of(reply.value().status, reply.value().body);
    EDGE_TRY(const auto json, json_of(reply.value().body));
    if (format == Format::json || format == Format::jsonl) return printable_json(dump_json(json)) + "\n";
    const auto run = decode<Run>(json, UnknownFields::ignore);
    if (!run) return Trouble{ExitCode::error, "the broker's answer is no run", "`edgectl version` tells both versions"};
    const TaskCounts& tasks = run.value().tasks;
    const std::uint32_t stopping = tasks.queued + tasks.running;
    return printable(run.value().id) + ": " + counted(tasks.canceled, "canceled") +
           (stopping > 0 ? ", " + counted(stopping, "being stopped") : "") +
           (tasks.canceled + stopping == 0 ? ", it had finished" : "") + "\n";
}

Answer<ExitCode> cancel(const CancelCommand& command, Client& client, const Screen& screen) {
    if (auto other = no_run(command.run_id, client)) {
        if (other->next.starts_with("edgectl describe run ")) other->next.replace(8, 12, "cancel");
        return *other;
    }
    EDGE_TRY(const auto text, cancel_run(command.run_id, command.format, client));
    screen.print(text);
    return ExitCode::ok;
}

}  // namespace edge::cli
