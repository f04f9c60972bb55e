#include "cli/commands/describe.hpp"
#include "cli/commands/schedule_flags.hpp"
#include "cli/commands/things.hpp"
#include "cli/show/sheet.hpp"
#include "cli/syntax.hpp"

namespace edge::cli {
namespace {

constexpr std::size_t kRunsShown = 10;

void put_runs(Sheet& sheet, const std::vector<Json>& runs) {
    for (const Json& run : runs) {
        const Json& counts = member(run, "tasks");
        const auto n = [&](const char* key) { return number_at(counts, key).value_or(0); };
        const auto bad = n("failed") + n("timed_out") + n("lost") + n("expired");
        const auto tick = text_at(run, "tick");
        std::string text = std::to_string(n("succeeded")) + " of " + std::to_string(n("total")) + " ok";
        if (n("lost") > 0) text += ", " + std::to_string(n("lost")) + " lost";
        if (text_at(run, "state") == "running") text += ", " + std::to_string(n("queued") + n("running")) + " to come";
        sheet.line("  " + printable(tick.empty() ? text_at(run, "created_at") : tick) + "  " +
                   printable(text_at(run, "id")) + "  " + text + (bad > 0 ? "  !" : ""));
    }
}

void put_schedule(Sheet& sheet, const Json& job) {
    sheet.item("schedule", printable(schedule_text(member(job, "schedule"))));
    const auto state = text_at(job, "state");
    sheet.item("state", printable(state), state == "active" ? Tone::good : Tone::warn);
    if (const auto revision = number_at(job, "revision"); revision && *revision > 1)
        sheet.item("revision", std::to_string(*revision) + ", since " + time_and_age(job, "revised_at"));
    if (const auto lines = number_at(job, "lines")) sheet.item("lines", std::to_string(*lines));
    sheet.item("next", printable(list_at(job, "next_ticks")));
}

}  // namespace

void put_job(Sheet& sheet, const Json& job) {
    sheet.title("job " + printable(text_at(job, "id")));
    sheet.item("service", printable(text_at(job, "service")));
    sheet.item("selector", printable(text_at(job, "selector")));
    if (job.contains("schedule")) put_schedule(sheet, job);
    const auto item = [&sheet](std::string_view name, const Json& value) {
        sheet.item(printable(name), printable(value.is_string() ? value.get<std::string>() : dump_json(value)));
    };
    for (const auto& [key, value] : member(job, "params").items()) item(key, value);
    for (const char* key : {"start_within_ms", "run_within_ms", "when_unknown", "repeat", "require_level", "align"}) {
        if (job.contains(key)) item(key, job[key]);
    }
    sheet.item("labels", printable(labels_at(job, "labels")));
    sheet.item("made", time_and_age(job, "created_at"));
    sheet.item("last run", printable(text_at(job, "last_run")));
}

Answer<ExitCode> describe_job(const DescribeCommand& command, Client& client, const Screen& screen) {
    const std::string path = "/api/v1/jobs/" + percent_encoded(command.id);
    EDGE_TRY(const auto job, client.get(path));
    if (command.format == Format::json || command.format == Format::jsonl) {
        screen.print(printable_json(dump_json(job)) + "\n");
        return ExitCode::ok;
    }
    Sheet sheet(screen.out_style);
    put_job(sheet, job);
    if (job.contains("schedule")) {
        EDGE_TRY(const auto runs, client.list(path + "/runs", kRunsShown));
        if (!runs.empty()) sheet.line("");
        put_runs(sheet, runs);
    }
    screen.print(sheet.text());
    return ExitCode::ok;
}

void JobCommand::add_to(Syntax& edgectl) {
    struct Verb {
        Act act;
        const char* name;
        const char* help;
    };
    for (const auto& [act, name, help] : {Verb{Act::pause, "pause", "nothing more of a recurring job is due"},
                                          Verb{Act::resume, "resume", "a recurring job that was paused goes on"},
                                          Verb{Act::remove, "delete", "end a recurring job for good; its runs stay"}}) {
        const auto given = std::make_shared<JobCommand>();
        given->act = act;
        auto syntax = edgectl.add(name, "JOB", help);
        syntax.text("job", "JOB", given->id, "its id, as `edgectl get jobs` shows it");
        syntax.output(given->format, "table or json");
        syntax.when_named([given, verb = std::string(name)]() -> Answer<Command> {
            if (given->id.empty()) return usage(verb + " which job?", "edgectl get jobs");
            if (!given->id.starts_with("job_"))
                return usage("\"" + given->id + "\" is no job's id; those begin with job_", "edgectl get jobs");
            return *given;
        });
    }
}

Answer<ExitCode> JobCommand::carry_out(Client& client, const Screen& screen) const {
    const Json change = act == Act::remove ? Json() : Json{{"paused", act == Act::pause}};
    EDGE_TRY(const auto job, asked(client, act == Act::remove ? "DELETE" : "PATCH",
                                   "/api/v1/jobs/" + percent_encoded(id), 200, change));
    if (format == Format::json || format == Format::jsonl) {
        screen.print(printable_json(dump_json(job)) + "\n");
        return ExitCode::ok;
    }
    const auto next = list_at(job, "next_ticks");
    screen.print(printable(text_at(job, "id") + " is " + text_at(job, "state") +
                           (next.empty() ? "" : ", next " + next.substr(0, next.find(',')))) +
                 "\n");
    return ExitCode::ok;
}

}  // namespace edge::cli
