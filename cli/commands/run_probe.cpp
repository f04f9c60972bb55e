#include "cli/api/problem.hpp"
#include "cli/commands/commands.hpp"
#include "cli/run/watch_run.hpp"
#include "cli/show/line_table.hpp"
#include "protocol/crypto/keys.hpp"
#include "protocol/json/described.hpp"

namespace edge::cli {
namespace {

using Clock = std::chrono::steady_clock;

std::string body_of(const ProbeCommand& command) {
    Json body = Json::object();
    body["service"] = std::string(enum_text(command.service));
    body["params"] = command.params;
    body["selector"] = command.selector;
    if (!command.labels.empty()) body["labels"] = command.labels;
    if (command.start_within_ms) body["start_within_ms"] = *command.start_within_ms;
    if (command.repeat) body["repeat"] = *command.repeat;
    if (command.require_level) body["require_level"] = *command.require_level;
    return dump_json(body);
}

std::string random_key() {
    std::array<std::uint8_t, 16> bytes{};
    fill_random(bytes);
    return to_base32(bytes);
}

/// The run the broker made of it. Asked again when the answer is lost: the key makes it the same job.
Answer<Run> start(const ProbeCommand& command, Client& client, const Client::Tick& tick) {
    Request request{.method = "POST", .path = "/api/v1/jobs", .body = body_of(command)};
    request.headers.emplace_back("Idempotency-Key", random_key());
    constexpr int kTries = 3;
    for (int attempt = 1;; ++attempt) {
        const auto reply = client.call(request, tick);
        if (!reply) {
            if (reply.error().how != Lost::broken || attempt == kTries) return client.trouble(reply.error());
            if (!client.sleep(std::chrono::milliseconds(500), tick)) return client.trouble(Loss{Lost::interrupted, {}});
            continue;
        }
        if (reply.value().status != 202 && reply.value().status != 200)
            return trouble_of(reply.value().status, reply.value().body);
        EDGE_TRY(const auto json, json_of(reply.value().body));
        auto run = decode<Run>(json, UnknownFields::ignore);
        if (!run || run.value().id.empty())
            return Trouble{ExitCode::error, "the broker's answer is no run", "`edgectl version` tells both versions"};
        return std::move(run.value());
    }
}

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

std::string wait_text(std::uint32_t ms) {
    return ms % 1'000 == 0 ? std::to_string(ms / 1'000) + " s" : std::to_string(ms) + " ms";
}

/// Each reason once, with its lines.
void say_left_out(const LeftOut& left_out, const Screen& screen) {
    std::vector<std::pair<std::string, std::string>> said;
    for (const auto& one : left_out.lines) {
        const std::string name = one.node.name + "/" + one.line.name;
        const auto at = std::ranges::find(said, one.reason, &std::pair<std::string, std::string>::first);
        if (at == said.end())
            said.emplace_back(one.reason, name);
        else
            at->second += ", " + name;
    }
    for (const auto& [reason, lines] : said)
        screen.say(screen.err_style.paint("left out " + printable(lines + ": " + reason), Tone::warn));
    if (left_out.total > left_out.lines.size())
        screen.say(screen.err_style.paint(
            "left out " + std::to_string(left_out.total - left_out.lines.size()) + " more", Tone::warn));
}

void say_away(const Away& away, std::uint32_t start_within_ms, const Screen& screen) {
    if (away.total == 0) return;
    std::string names;
    for (const auto& node : away.nodes) names += (names.empty() ? "" : ", ") + printable(node.name);
    if (away.total > away.nodes.size()) names += " and " + std::to_string(away.total - away.nodes.size()) + " more";
    screen.say(screen.err_style.paint(names + (away.total == 1 ? " is" : " are") +
                                          " not connected: what is asked there waits " + wait_text(start_within_ms) +
                                          ", then expires (--start-within-ms)",
                                      Tone::warn));
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

Answer<ExitCode> run_probe(const ProbeCommand& command, Client& client, const Screen& screen) {
    const auto begun = Clock::now();
    const Client::Tick tick = [&] { return !command.timeout || Clock::now() < begun + *command.timeout; };
    EDGE_TRY(const auto run, start(command, client, tick));
    const std::string count = std::to_string(run.tasks.total) + (run.tasks.total == 1 ? " task" : " tasks");
    screen.say(screen.err_style.paint(
        printable(run.service + " " + run.target + " from " + run.selector) + ": " + count + ", " + printable(run.id),
        Tone::dim));
    say_left_out(run.left_out, screen);
    say_away(run.away, command.start_within_ms.value_or(kStartWithinMs), screen);
    auto left = command.timeout;
    if (left)
        left = std::max(std::chrono::milliseconds(1),
                        *left - std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - begun));
    return follow(run.id, left, command.fail_on, command.format, client, screen);
}

}  // namespace edge::cli
