#include "cli/api/problem.hpp"
#include "cli/commands/describe.hpp"
#include "cli/commands/schedule_flags.hpp"
#include "cli/commands/things.hpp"
#include "cli/run/follow_run.hpp"
#include "cli/spec_flags.hpp"
#include "cli/syntax.hpp"
#include "protocol/crypto/keys.hpp"
#include "protocol/json/described.hpp"

namespace edge::cli {
namespace {

// As broker/api/openapi.json has them; the broker checks again.
constexpr std::uint32_t kMostLines = 100'000;
constexpr std::uint32_t kMostRepeats = 1'000;
constexpr std::uint32_t kMostRunWithinMs = 3'600'000;
constexpr std::uint32_t kMostStartWithinMs = 86'400'000;

/// Of TARGET from WORD…
Answer<std::string> selector_of(const std::string& program, const std::vector<std::string>& words,
                                std::optional<std::uint32_t> limit) {
    const std::string example = "edgectl " + program + " " + (words.empty() ? "TARGET" : words[0]) + " from all";
    if (words.empty()) return usage("what to " + program + " is missing", example);
    if (words[0] == "from" && words.size() > 1 && words[1] != "from")
        return usage("what to " + program + " is missing before \"from\"", "edgectl " + program + " TARGET from all");
    if (words.size() < 2 || words[1] != "from") {
        const std::string what = words.size() < 2 ? "from which lines is missing"
                                                  : "expected \"from\" after the target, not \"" + words[1] + "\"";
        return usage(what, example + "   # or from telecom, from carrier:ct province:guangdong -node:gz-1");
    }
    if (words.size() < 3) return usage("no selector after \"from\"", example + "   # every line of every node");
    std::string selector;
    for (std::size_t i = 2; i < words.size(); ++i) {
        std::string word = words[i];
        if (word.starts_with(kNegation)) word.front() = '-';
        selector += (i > 2 ? " " : "") + word;
    }
    if (limit) selector += " limit:" + std::to_string(*limit);
    return selector;
}

struct GivenProbe : ProbeCommand {
    std::unique_ptr<SpecFlags> flags;
    std::vector<std::string> words;
    std::optional<std::uint32_t> limit;
    std::vector<std::string> pairs;
    std::string wait;
    ScheduleFlags again;
};

Answer<Command> read_probe(const std::string& name, GivenProbe& given) {
    EDGE_TRY(given.selector, selector_of(name, given.words, given.limit));
    auto params = given.flags->params(given.words[0]);
    if (!params) return usage(params.error().what, "edgectl help " + name);
    given.params = std::move(params.value());
    EDGE_TRY(given.labels, labels_of(given.pairs, "edgectl ping TARGET from all --label team=edge"));
    EDGE_TRY(given.timeout, duration("--timeout", given.wait));
    EDGE_TRY(given.schedule, given.again.schedule());
    if (!given.schedule.is_null() && given.timeout)
        return usage("--timeout waits for a run, and a recurring job is not waited for", "edgectl help " + name);
    return ProbeCommand(std::move(given));
}

void add_probe(Syntax& edgectl, Service service, const std::string& target, const std::string& help,
               const std::string& example) {
    const auto given = std::make_shared<GivenProbe>();
    given->service = service;
    const std::string name(enum_text(service));
    auto syntax = edgectl.add(
        name, target + " from SELECTOR...", help,
        "SELECTOR is all, a line, carrier, province, city or node, or key:value. A line must match every word; a word\n"
        "with - before it leaves out; limit:N keeps N. Several lines: name what they share (carrier:ct), or take all "
        "and\n"
        "leave out the others (all -mobile). What no line matches is refused.  Example: " +
            example);
    syntax.texts("words", "", given->words, "TARGET from SELECTOR...");
    given->flags = add_spec_flags(syntax.app(), service);
    syntax.number("--limit", given->limit, kMostLines, "at most so many lines");
    syntax.number("--repeat", given->repeat, kMostRepeats,
                  "probe each line so often, 1 to 1000 tasks; above 50 in all the table has a row a line");
    syntax.output(given->format, "table, wide, json (an array at the end) or jsonl (a result a line, as it comes)");
    syntax.text("--timeout", "TIME", given->wait, "wait so long for the run, as 30s or 2m; it goes on without you");
    syntax.fail_on(given->fail_on);
    syntax.texts("--label", "KEY=VALUE", given->pairs, "of the job, for finding it again; may stand more than once");
    syntax.word("--require-level", given->require_level, {"bpf-guard", "cooperative", "nft-guard"},
                "bpf-guard, nft-guard or cooperative: lines that are held by less are left out");
    syntax.number("--start-within-ms", given->start_within_ms, kMostStartWithinMs,
                  "a task that has not begun in that time expires; " + std::to_string(kStartWithinMs) + " without it");
    syntax.number("--run-within-ms", given->run_within_ms, kMostRunWithinMs,
                  "an attempt that takes longer ends as timed_out; as long as the probe itself may take without it");
    syntax.word("--when-unknown", given->when_unknown, {"elsewhere", "fail", "wait"},
                "of a task whose node is gone: wait for its result, ask another line elsewhere, or fail at once");
    syntax.flag("--align", given->align, "all tasks of a run on one node begin together");
    given->again.add_to(syntax);
    syntax.when_named([name, given] { return read_probe(name, *given); });
}

std::string body_of(const ProbeCommand& command) {
    Json body = Json::object();
    body["service"] = std::string(enum_text(command.service));
    body["params"] = command.params;
    body["selector"] = command.selector;
    if (!command.labels.empty()) body["labels"] = command.labels;
    if (command.start_within_ms) body["start_within_ms"] = *command.start_within_ms;
    if (command.run_within_ms) body["run_within_ms"] = *command.run_within_ms;
    if (!command.when_unknown.empty()) body["when_unknown"] = command.when_unknown;
    if (command.repeat) body["repeat"] = *command.repeat;
    if (!command.require_level.empty()) body["require_level"] = command.require_level;
    if (command.align) body["align"] = true;
    if (!command.schedule.is_null()) body["schedule"] = command.schedule;
    return dump_json(body);
}

std::string random_key() {
    std::array<std::uint8_t, 16> bytes{};
    fill_random(bytes);
    return to_base32(bytes);
}

/// The broker's answer. Asked again when it is lost: the key makes it the same job.
Answer<std::string> post(const ProbeCommand& command, Client& client, const Client::Tick& tick) {
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
        const int status = reply.value().status;
        if (status != 202 && status != 201 && status != 200) return trouble_of(status, reply.value().body);
        return reply.value().body;
    }
}

Answer<Run> start(const ProbeCommand& command, Client& client, const Client::Tick& tick) {
    EDGE_TRY(const auto body, post(command, client, tick));
    EDGE_TRY(const auto json, json_of(body));
    auto run = decode<Run>(json, UnknownFields::ignore);
    if (!run || run.value().id.empty())
        return Trouble{ExitCode::error, "the broker's answer is no run", "`edgectl version` tells both versions"};
    return std::move(run.value());
}

Answer<ExitCode> make_recurring(const ProbeCommand& command, Client& client, const Screen& screen) {
    EDGE_TRY(const auto body, post(command, client, {}));
    EDGE_TRY(const auto job, json_of(body));
    if (command.format == Format::json || command.format == Format::jsonl) {
        screen.print(printable_json(dump_json(job)) + "\n");
        return ExitCode::ok;
    }
    Sheet sheet(screen.out_style);
    put_job(sheet, job);
    screen.print(sheet.text());
    screen.say(screen.err_style.paint("its runs: edgectl describe job " + printable(text_at(job, "id")), Tone::dim));
    return ExitCode::ok;
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

}  // namespace

void ProbeCommand::add_to(Syntax& edgectl) {
    add_probe(edgectl, Service::ping, "TARGET", "ICMP echo from each line",
              "edgectl ping 192.0.2.1 from all --count 10");
    add_probe(edgectl, Service::dns, "TARGET", "ask each line's resolver, or a server of yours",
              "edgectl dns example.com from carrier:ct --type AAAA");
    add_probe(edgectl, Service::http, "URL", "fetch a URL from each line",
              "edgectl http https://example.com/ from all -mobile");
}

Answer<ExitCode> ProbeCommand::carry_out(Client& client, const Screen& screen) const {
    if (!schedule.is_null()) return make_recurring(*this, client, screen);
    const auto begun = Client::Clock::now();
    const Client::Tick tick = [&] { return !timeout || Client::Clock::now() < begun + *timeout; };
    EDGE_TRY(const auto run, start(*this, client, tick));
    const std::string count = std::to_string(run.tasks.total) + (run.tasks.total == 1 ? " task" : " tasks");
    screen.say(screen.err_style.paint(
        printable(run.service + " " + run.target + " from " + run.selector) + ": " + count + ", " + printable(run.id),
        Tone::dim));
    say_left_out(run.left_out, screen);
    say_away(run.away, start_within_ms.value_or(kStartWithinMs), screen);
    auto left = timeout;
    if (left)
        left = std::max(std::chrono::milliseconds(1),
                        *left - std::chrono::duration_cast<std::chrono::milliseconds>(Client::Clock::now() - begun));
    EDGE_TRY(const auto code, follow(run.id, left, fail_on, format, client, screen));
    // A line that was asked for and not asked is none that answered.
    return code == ExitCode::ok && fail_on == FailOn::any && run.left_out.total > 0 ? ExitCode::lines_failed : code;
}

}  // namespace edge::cli
