#include "cli/run/follow_run.hpp"

#include "cli/api/problem.hpp"
#include "cli/run/watch_run.hpp"
#include "cli/show/line_table.hpp"
#include "protocol/json/described.hpp"

namespace edge::cli {
namespace {

using Clock = std::chrono::steady_clock;

/// What went unsaid in the formats that show results alone.
void say_without_result(const RunState& state, Format format, const Screen& screen) {
    if (format == Format::table || format == Format::wide) return;
    // By line and outcome: of a run of thousands they are seldom alone.
    std::map<std::pair<std::string, std::string>, std::size_t> counts;
    for (const auto& row : state.rows()) {
        if (row.result || !has_ended(row)) continue;
        ++counts[{row.task.node.name + "/" + row.task.line.name, std::string(outcome_of(row))}];
    }
    for (const auto& [line_and_outcome, count] : counts) {
        const auto& [line, outcome] = line_and_outcome;
        screen.say(printable(line) + ": " + (count > 1 ? std::to_string(count) + " tasks " : "") + printable(outcome) +
                   ", without a result");
    }
}

/// Where a table adds up what each line did, the results are still there to be had.
void say_where_results_are(const RunState& state, Format format, const Screen& screen) {
    if ((format == Format::table || format == Format::wide) && is_told_by_line(state))
        screen.say(screen.err_style.paint(
            "each result: edgectl describe run " + printable(state.run().id) + " -o jsonl", Tone::dim));
}

std::string how_to_resume(const std::string& run_id) {
    return "the run goes on; edgectl describe run " + run_id + " --follow";
}

/// The first Ctrl-C leaves the run alone, a second one cancels it.
Trouble interrupted(const std::string& run_id, Client& client, const Screen& screen) {
    constexpr std::chrono::seconds kSecondThought{2};
    screen.say("Ctrl-C again cancels the run");
    if (!client.interrupted_again(kSecondThought))
        return Trouble{ExitCode::interrupted, "interrupted", how_to_resume(run_id)};
    const auto canceled = cancel_run(run_id, Format::table, client);
    if (!canceled) return canceled.error();
    return Trouble{ExitCode::interrupted,
                   "interrupted, and canceled " + canceled.value().substr(0, canceled.value().size() - 1),
                   {}};
}

std::string counted(std::uint32_t count, const char* what) {
    return std::to_string(count) + (count == 1 ? " task " : " tasks ") + what;
}

}  // namespace

Answer<ExitCode> follow(const std::string& run_id, std::optional<std::chrono::milliseconds> timeout, FailOn fail_on,
                        Format format, Client& client, const Screen& screen) {
    std::optional<Clock::time_point> deadline;
    if (timeout) deadline = Clock::now() + *timeout;
    RunState state;
    const auto view = make_run_view(format, screen);
    const auto watched = watch_run(client, run_id, deadline, state, *view);
    say_without_result(state, format, screen);
    if (watched) {
        say_where_results_are(state, format, screen);
        return exit_of(state, fail_on, Asked::now);
    }
    Trouble trouble = watched.error();
    if (trouble.exit == ExitCode::interrupted) return interrupted(run_id, client, screen);
    if (trouble.exit == ExitCode::wait_timed_out) {
        trouble.what = "--timeout passed and the run has not finished";
        const bool is_told = (format == Format::table || format == Format::wide) && state.is_known();
        if (!is_told) trouble.what += ": " + summary_line(state);
    }
    const bool resumes = trouble.exit != ExitCode::auth && trouble.exit != ExitCode::not_found;
    if (resumes) trouble.next = how_to_resume(run_id);
    return trouble;
}

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

}  // namespace edge::cli
