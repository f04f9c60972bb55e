#include "cli/command_line.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <cmath>

#include "cli/spec_flags.hpp"
#include "protocol/nearest.hpp"

namespace edge::cli {
namespace {

using Milliseconds = std::chrono::milliseconds;

/// Of an option that stands twice.
constexpr auto kLastCounts = CLI::MultiOptionPolicy::TakeLast;

// As broker/api/openapi.json has them; the broker checks again.
constexpr std::uint32_t kMostLines = 100'000;
constexpr std::uint32_t kMostRepeats = 1'000;
constexpr std::uint32_t kMostStartWithinMs = 86'400'000;
constexpr std::uint32_t kMostListed = 1'000'000;
constexpr std::uint32_t kMostTopped = 500;  // the broker's page

Trouble usage(std::string what, std::string next) {
    return Trouble{ExitCode::usage, std::move(what), std::move(next)};
}

// ── selectors ──

// A selector's negations look like options to CLI11: `-node:gz-1`. They travel through it under this mark.
constexpr char kNegation = '\x01';

struct TargetAndSelector {
    std::string target;
    std::string selector;
};

/// TARGET from WORD…
Answer<TargetAndSelector> taken_apart(const std::string& program, const std::vector<std::string>& words,
                                      std::optional<std::size_t> limit) {
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
    TargetAndSelector both{words[0], {}};
    for (std::size_t i = 2; i < words.size(); ++i) {
        std::string word = words[i];
        if (word.starts_with(kNegation)) word.front() = '-';
        both.selector += (i > 2 ? " " : "") + word;
    }
    if (limit) both.selector += " limit:" + std::to_string(*limit);
    return both;
}

// ── values ──

/// `2`, `1.5s`, `300ms`, `15m`, `24h`.
Answer<Milliseconds> duration(const std::string& flag, const std::string& text) {
    const auto wrong = [&] {
        return usage(flag + ": \"" + text + "\" is no time", "write " + flag + " 30s, 500ms, 15m or 24h");
    };
    double number = 0;
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
    const std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
    const double scale = unit == "ms"                  ? 1
                         : unit.empty() || unit == "s" ? 1e3
                         : unit == "m"                 ? 60e3
                         : unit == "h"                 ? 3600e3
                                                       : 0;
    if (failed != std::errc{} || scale == 0 || !(number > 0) || number * scale > 1e12) return wrong();
    return Milliseconds(std::llround(std::ceil(number * scale)));
}

Answer<std::map<std::string, std::string>> labels(const std::vector<std::string>& given) {
    std::map<std::string, std::string> map;
    for (const auto& label : given) {
        const auto equals = label.find('=');
        if (equals == 0 || equals == std::string::npos)
            return usage("--label: \"" + label + "\" is no KEY=VALUE",
                         "edgectl ping TARGET from all --label team=edge");
        map[label.substr(0, equals)] = label.substr(equals + 1);
    }
    return map;
}

const std::map<std::string, Format> kFormats{
    {"table", Format::table}, {"wide", Format::wide}, {"json", Format::json}, {"jsonl", Format::jsonl}};
const std::map<std::string, FailOn> kFailOn{{"any", FailOn::any}, {"all", FailOn::all}, {"none", FailOn::none}};
const std::map<std::string, ColourChoice> kColours{
    {"auto", ColourChoice::automatic}, {"always", ColourChoice::always}, {"never", ColourChoice::never}};
const std::map<std::string, Kind> kListed{{"nodes", Kind::nodes}, {"node", Kind::nodes}, {"lines", Kind::lines},
                                          {"line", Kind::lines},  {"runs", Kind::runs},  {"run", Kind::runs},
                                          {"jobs", Kind::jobs},   {"job", Kind::jobs},   {"tokens", Kind::tokens},
                                          {"token", Kind::tokens}};
const std::map<std::string, Kind> kDescribed{{"node", Kind::nodes},  {"nodes", Kind::nodes}, {"line", Kind::lines},
                                             {"lines", Kind::lines}, {"run", Kind::runs},    {"runs", Kind::runs},
                                             {"job", Kind::jobs},    {"jobs", Kind::jobs}};

const std::map<std::string, Kind> kTopped{
    {"node", Kind::nodes}, {"nodes", Kind::nodes}, {"line", Kind::lines}, {"lines", Kind::lines}};
const std::map<std::string, std::string> kLevels{
    {"bpf-guard", "bpf-guard"}, {"nft-guard", "nft-guard"}, {"cooperative", "cooperative"}};
const std::map<std::string, std::string> kFigures{{"bytes", "bytes"},
                                                  {"sent", "sent"},
                                                  {"received", "received"},
                                                  {"cpu", "cpu"},
                                                  {"load", "load"},
                                                  {"pressure", "pressure"},
                                                  {"memory", "memory"},
                                                  {"packets", "packets"},
                                                  {"denied", "denied"},
                                                  {"throttled", "throttled"},
                                                  {"day", "day"}};

template <class T, class Chosen>
CLI::Option* choice(CLI::App& app, const std::string& flag, T& value, const std::map<std::string, Chosen>& names,
                    const std::string& help) {
    std::string list;
    std::vector<std::string> words;
    for (const auto& [name, unused] : names) {
        if (names.contains(name + "s")) continue;  // node and nodes: one is told
        words.push_back(name);
        list += (list.empty() ? "" : ", ") + name;
    }
    const std::string shown = flag.starts_with('-') ? flag.substr(flag.rfind(',') + 1) : app.get_name();
    const std::function<void(const std::string&)> take = [=, &value, &names](const std::string& text) {
        const auto at = names.find(text);
        if (at == names.end())
            throw CLI::ValidationError(shown, "\"" + text + "\" is none of " + list + did_you_mean(text, words));
        value = at->second;
    };
    return app.add_option_function(flag, take, help)->type_name("WORD")->multi_option_policy(kLastCounts);
}

/// An option that takes a whole number of a range, and says so where it is given something else.
template <class T>
CLI::Option* number(CLI::App& app, const std::string& flag, T& value, std::uint32_t most, const std::string& help) {
    const std::function<void(const std::string&)> take = [&value, flag, most](const std::string& text) {
        std::uint32_t given = 0;
        const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), given);
        const bool is_whole = !text.empty() && text.find_first_not_of("0123456789") == std::string::npos;
        if (!is_whole) throw CLI::ValidationError(flag, "\"" + text + "\" is no whole number");
        if (failed != std::errc{} || given < 1 || given > most)
            throw CLI::ValidationError(flag, text + " is out of range, 1 to " + std::to_string(most));
        value = given;
    };
    return app.add_option_function(flag, take, help)->type_name("N")->multi_option_policy(kLastCounts);
}

/// CLI11 would print `ping [OPTIONS] [words...]`, `kind WHAT`, `--rd,--no-rd{false}` and two empty lines between
/// groups.
class HelpTexts : public CLI::Formatter {
  public:
    std::string make_help(const CLI::App* app, std::string name, CLI::AppFormatMode mode) const override {
        const std::string text = CLI::Formatter::make_help(app, std::move(name), mode);
        return CLI::detail::find_and_replace(text, "\n\n\n", "\n\n");
    }
    std::string make_option_name(const CLI::Option* option, bool is_positional) const override {
        if (is_positional) return option->get_type_name();
        std::string name = CLI::Formatter::make_option_name(option, is_positional);
        if (const auto at = name.find("{false}"); at != std::string::npos) name.erase(at, 7);
        return name;
    }
    std::string make_option_opts(const CLI::Option* option) const override {
        return option->get_positional() ? std::string() : CLI::Formatter::make_option_opts(option);
    }
    std::string make_usage(const CLI::App* app, std::string name) const override {
        static const std::map<std::string, std::string> kUsages{
            {"edgectl", "COMMAND"},
            {"ping", "TARGET from SELECTOR..."},
            {"dns", "TARGET from SELECTOR..."},
            {"http", "URL from SELECTOR..."},
            {"get", "WHAT"},
            {"describe", "WHAT ID"},
            {"top", "WHAT"},
            {"cancel", "RUN"},
            {"token", "create"},
            {"create", "[--node NAME] [--ttl TIME]"},
            {"api", "[GET] PATH"},
            {"version", ""},
            {"help", "[TOPIC]"},
        };
        const std::string path = app->get_name() == "edgectl"  ? "edgectl"
                                 : app->get_name() == "create" ? "edgectl token create"
                                                               : "edgectl " + app->get_name();
        const auto usage = kUsages.find(app->get_name());
        return "Usage: " + path + " " + (usage == kUsages.end() ? name : usage->second) + " [OPTIONS]\n";
    }
};

// ── one subcommand each ──

std::vector<std::string> names_of_subcommands(const CLI::App& app) {
    std::vector<std::string> names;
    for (const auto* one : app.get_subcommands([](const CLI::App*) { return true; })) names.push_back(one->get_name());
    return names;
}

/// CLI::App::help() would answer with the help on the subcommand that was named: on `help` itself.
std::string help_on(const CLI::App& app) {
    return app.get_formatter()->make_help(&app, app.get_name(), CLI::AppFormatMode::Normal);
}

struct Tree {
    CLI::App app{
        "edgectl: probes from your lines, by an edge-broker.\n"
        "EDGE_URL and EDGE_TOKEN (or EDGE_TOKEN_FILE) say which broker and who you are.",
        "edgectl"};
    ColourChoice colour = ColourChoice::automatic;

    struct Probe {
        CLI::App* app = nullptr;
        std::unique_ptr<SpecFlags> flags;
        ProbeCommand command;
        std::vector<std::string> words;
        std::optional<std::size_t> limit;
        std::vector<std::string> labels;
        std::string timeout;
    };
    std::map<std::string, Probe> probes;
    CLI::App* get = nullptr;
    CLI::App* describe = nullptr;
    CLI::App* top = nullptr;
    CLI::App* cancel = nullptr;
    CLI::App* token = nullptr;
    CLI::App* token_create = nullptr;
    CLI::App* version = nullptr;
    CLI::App* api = nullptr;
    CLI::App* help = nullptr;
    GetCommand get_command;
    DescribeCommand describe_command;
    std::string describe_timeout;
    TopCommand top_command;
    CancelCommand cancel_command;
    TokenCommand token_command;
    std::string token_ttl;
    std::vector<std::string> api_words;
    std::vector<std::string> topic;
    bool wants_version = false;

    Tree();
    void add_probe(const std::string& name, Service service, const std::string& help, const std::string& example);
    Answer<Command> command();
    Answer<Command> probe_command(const std::string& name, Probe& probe);
    Answer<Command> help_command();
};

Tree::Tree() {
    app.require_subcommand(0, 1);
    const auto formatter = std::make_shared<HelpTexts>();
    formatter->column_width(34);
    app.formatter(formatter);  // subcommands inherit it
    choice(app, "--color", colour, kColours, "auto, always or never; NO_COLOR and TERM=dumb are heard");
    app.add_flag("--version", wants_version, "the same as edgectl version");
    app.fallthrough();

    add_probe("ping", Service::ping, "ICMP echo from each line", "edgectl ping 192.0.2.1 from all --count 10");
    add_probe("dns", Service::dns, "ask each line's resolver, or a server of yours",
              "edgectl dns example.com from carrier:ct --type AAAA");
    add_probe("http", Service::http, "fetch a URL from each line",
              "edgectl http https://example.com/ from all -mobile");

    get = app.add_subcommand("get", "nodes, lines, runs, jobs or tokens");
    choice(*get, "kind", get_command.kind, kListed, "nodes, lines, runs, jobs or tokens")->type_name("WHAT");
    choice(*get, "-o,--output", get_command.format, kFormats, "table, wide, json or jsonl");
    number(*get, "--limit", get_command.limit, kMostListed,
           "at most so many; without it the newest 50 runs or jobs, and all of the others");

    describe = app.add_subcommand("describe", "all about one node, line, run or job");
    choice(*describe, "kind", describe_command.kind, kDescribed, "node, line, run or job")->type_name("WHAT");
    describe
        ->add_option("id", describe_command.id,
                     "node: id or name; line: NODE/LINE, or LINE where only one has that name; run, job: id")
        ->type_name("ID");
    describe->add_flag("-f,--follow", describe_command.follow, "of a run: stay until it has finished");
    choice(*describe, "-o,--output", describe_command.format, kFormats, "table, wide, json or jsonl");
    choice(*describe, "--fail-on", describe_command.fail_on, kFailOn,
           "any, all or none: how many failed lines make the exit code 3");
    describe->add_option("--timeout", describe_timeout, "with --follow: wait so long, as 30s or 2m")
        ->type_name("TIME")
        ->multi_option_policy(kLastCounts);

    top = app.add_subcommand("top", "nodes or lines by what they used in their last minute");
    choice(*top, "kind", top_command.kind, kTopped, "nodes or lines")->type_name("WHAT");
    choice(*top, "--sort", top_command.sort, kFigures,
           "bytes, sent or received; of nodes cpu, load, pressure, memory; of lines packets, denied, throttled, day");
    choice(*top, "-o,--output", top_command.format, kFormats, "table, wide, json or jsonl");
    number(*top, "--limit", top_command.limit, kMostTopped, "at most so many; 50 without it");

    cancel = app.add_subcommand("cancel", "stop a run; so does a second Ctrl-C while one is followed");
    cancel->add_option("run", cancel_command.run_id, "its id, as `edgectl get runs` shows it")->type_name("RUN");
    choice(*cancel, "-o,--output", cancel_command.format, kFormats, "table or json");

    token = app.add_subcommand("token", "join tokens, by which a new node enrols");
    token->require_subcommand(0, 1);
    token_create = token->add_subcommand("create", "make one; it is shown this once");
    token_create->add_option("--node", token_command.node, "only a node of this name may use it")
        ->type_name("NAME")
        ->multi_option_policy(kLastCounts);
    token_create->add_option("--ttl", token_ttl, "valid so long, as 15m or 24h")
        ->type_name("TIME")
        ->multi_option_policy(kLastCounts);
    choice(*token_create, "-o,--output", token_command.format, kFormats, "table or json");

    api = app.add_subcommand("api", "GET a path of the REST API as it is");
    api->add_option("path", api_words, "as /api/v1/nodes")->type_name("[GET] PATH");
    version = app.add_subcommand("version", "of edgectl and of the broker");
    help = app.add_subcommand("help", "help on a command, or on exit-codes");
    help->add_option("topic", topic, "a command, or exit-codes")->type_name("TOPIC");
    app.footer(
        "Examples:\n"
        "  edgectl ping 192.0.2.1 from all\n"
        "  edgectl dns example.com from carrier:ct -node:gz-1 --type AAAA\n"
        "  edgectl http https://example.com/ from all -mobile -o json\n"
        "  edgectl get lines\n"
        "More: edgectl help COMMAND, edgectl help exit-codes");
}

void Tree::add_probe(const std::string& name, Service service, const std::string& text, const std::string& example) {
    Probe& probe = probes[name];
    probe.app = app.add_subcommand(name, text);
    probe.command.service = service;
    probe.app->footer(
        "SELECTOR is all, a line, carrier, province, city or node, or key:value. A line must match every word; a word\n"
        "with - before it leaves out; limit:N keeps N. Several lines: name what they share (carrier:ct), or take all "
        "and\n"
        "leave out the others (all -mobile). What no line matches is refused.  Example: " +
        example);
    probe.app->add_option("words", probe.words, "TARGET from SELECTOR...")->group("");
    probe.flags = add_spec_flags(*probe.app, service);
    number(*probe.app, "--limit", probe.limit, kMostLines, "at most so many lines");
    number(*probe.app, "--repeat", probe.command.repeat, kMostRepeats,
           "probe each line so often, 1 to 1000 tasks; above 50 in all the table has a row a line");
    choice(*probe.app, "-o,--output", probe.command.format, kFormats,
           "table, wide, json (an array at the end) or jsonl (a result a line, as it comes)");
    probe.app->add_option("--timeout", probe.timeout, "wait so long for the run, as 30s or 2m; it goes on without you")
        ->type_name("TIME")
        ->multi_option_policy(kLastCounts);
    choice(*probe.app, "--fail-on", probe.command.fail_on, kFailOn,
           "any, all or none: how many failed lines make the exit code 3");
    probe.app->add_option("--label", probe.labels, "of the job, for finding it again; may stand more than once")
        ->expected(1)
        ->allow_extra_args(false)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
        ->type_name("KEY=VALUE");
    choice(*probe.app, "--require-level", probe.command.require_level, kLevels,
           "bpf-guard, nft-guard or cooperative: lines that are held by less are left out");
    number(*probe.app, "--start-within-ms", probe.command.start_within_ms, kMostStartWithinMs,
           "a task that has not begun in that time expires; " + std::to_string(kStartWithinMs) + " without it");
}

Answer<Command> Tree::probe_command(const std::string& name, Probe& probe) {
    EDGE_TRY(auto both, taken_apart(name, probe.words, probe.limit));
    ProbeCommand command = std::move(probe.command);
    command.selector = std::move(both.selector);
    auto params = probe.flags->params(both.target);
    if (!params) return usage(params.error().what, "edgectl help " + name);
    command.params = std::move(params.value());
    EDGE_TRY(command.labels, labels(probe.labels));
    if (!probe.timeout.empty()) {
        EDGE_TRY(command.timeout, duration("--timeout", probe.timeout));
    }
    return Command(std::move(command));
}

Answer<Command> Tree::help_command() {
    if (topic.size() == 1 && topic[0] == "exit-codes") return Command(HelpCommand{exit_codes_text()});
    const CLI::App* about = &app;
    for (const auto& word : topic) {  // as `token create`
        auto names = names_of_subcommands(*about);
        const auto at = std::find(names.begin(), names.end(), word);
        if (at == names.end()) {
            if (about == &app) names.push_back("exit-codes");
            return usage("no help on \"" + word + "\"" + did_you_mean(word, names), "edgectl help");
        }
        about = about->get_subcommand(word);
    }
    return Command(HelpCommand{help_on(*about)});
}

Answer<Command> Tree::command() {
    for (auto& [name, probe] : probes) {
        if (probe.app->parsed()) return probe_command(name, probe);
    }
    if (get->parsed()) {
        if (get->count("kind") == 0) return usage("get what: nodes, lines, runs, jobs or tokens?", "edgectl get nodes");
        return Command(get_command);
    }
    if (describe->parsed()) {
        if (describe_command.id.empty())
            return usage("describe what: node NAME, line NODE/LINE, run ID or job ID?", "edgectl describe node gz-1");
        if (!describe_timeout.empty()) {
            EDGE_TRY(describe_command.timeout, duration("--timeout", describe_timeout));
        }
        return Command(describe_command);
    }
    if (top->parsed()) {
        if (top->count("kind") == 0) return usage("top what: nodes or lines?", "edgectl top nodes");
        return Command(top_command);
    }
    if (cancel->parsed()) {
        if (cancel_command.run_id.empty()) return usage("cancel which run?", "edgectl get runs");
        return Command(cancel_command);
    }
    if (token_create->parsed()) {
        if (!token_ttl.empty()) {
            EDGE_TRY(const auto ttl, duration("--ttl", token_ttl));
            token_command.ttl_ms = static_cast<std::uint64_t>(ttl.count());
        }
        return Command(token_command);
    }
    if (token->parsed()) return usage("token: create, or `edgectl get tokens`", "edgectl token create --node gz-1");
    if (api->parsed()) {
        if (api_words.empty()) return usage("api: which path?", "edgectl api GET /api/v1/nodes");
        if (api_words.size() > 2)
            return usage("api: \"" + api_words[2] + "\" is a word too many", "edgectl api GET /api/v1/nodes");
        if (api_words.size() == 2 && api_words[0] != "GET")
            return usage("api: only GET is there, not " + api_words[0], "edgectl api GET /api/v1/nodes");
        if (!api_words.back().starts_with('/'))
            return usage("api: a path begins with a slash", "edgectl api GET /api/v1/nodes");
        return Command(ApiCommand{api_words.back()});
    }
    if (version->parsed() || wants_version) return Command(VersionCommand{});
    if (help->parsed()) return help_command();
    return usage("what to do is missing", "edgectl help");
}

// ── what was typed, as CLI11 2.1.2 understands it ──

/// Its short or long option that this word begins, or none.
const CLI::Option* option_of(const CLI::App& app, const CLI::App& command, const std::string& word) {
    const std::string name = word.starts_with("--") ? word.substr(0, word.find('=')) : word.substr(0, 2);
    if (const auto* option = command.get_option_no_throw(name)) return option;
    if (&app != &command) {
        for (const auto* one : command.get_subcommands([](const CLI::App*) { return true; })) {  // `token create`
            if (const auto* option = one->get_option_no_throw(name)) return option;
        }
    }
    return app.get_option_no_throw(name);
}

bool takes_value(const CLI::Option* option) {
    return option && option->get_items_expected_min() > 0;
}

/// Is `rest` of `-xREST` what the option -x takes, as in `-c3`, `-ojson`, `-tMX`, `-HA:b`? Asked where it might also be
/// the negation of a selector, whose names are lower case. What is not clear so is a negation: `-t mx` has a space.
bool is_glued_value(const CLI::Option& option, const std::string& rest) {
    const auto only = [&](const char* characters) { return rest.find_first_not_of(characters) == std::string::npos; };
    if (option.get_type_name() == "N") return only("0123456789");
    if (option.check_sname("o")) return kFormats.contains(rest);
    if (option.check_sname("H")) return rest.find(':') != std::string::npos;
    return only("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789");
}

/// Marks the negations behind `from`, and takes the sign out of `-o=json`, which CLI11 reads as the value "=json".
void spell_for_cli11(std::vector<std::string>& arguments, const CLI::App& app, const CLI::App& command) {
    const bool has_selector = command.get_option_no_throw("words") != nullptr;
    bool is_behind_from = false;
    for (std::size_t i = 0; i < arguments.size() && arguments[i] != "--"; ++i) {
        std::string& word = arguments[i];
        if (word.size() < 2 || word[0] != '-') {
            is_behind_from = is_behind_from || (has_selector && word == "from");
            continue;
        }
        const CLI::Option* option = option_of(app, command, word);
        const bool is_short = word[1] != '-';
        if (is_short && takes_value(option) && word.size() > 3 && word[2] == '=') {
            word.erase(2, 1);
            continue;
        }
        const bool is_alone = is_short ? word.size() == 2 : word.find('=') == std::string::npos;
        if (is_alone) {
            if (takes_value(option)) ++i;  // the next word is its value, whatever it looks like
        } else if (is_short && is_behind_from && !(takes_value(option) && is_glued_value(*option, word.substr(2)))) {
            word.front() = kNegation;
        }
    }
}

// ── what CLI11 does not like, in our words ──

std::vector<std::string> option_names(const CLI::App& app) {
    std::vector<std::string> names;
    for (const auto* option : app.get_options([](const CLI::Option*) { return true; })) {
        for (const auto& name : option->get_lnames()) names.push_back("--" + name);
    }
    return names;
}

Trouble explained(const CLI::ParseError& error, const CLI::App& app, const CLI::App& command, const std::string& more) {
    if (error.get_exit_code() == static_cast<int>(CLI::ExitCodes::ExtrasError)) {
        const auto left = app.remaining(true);
        const std::string word = left.empty() ? std::string() : left.front();
        const auto subcommands = names_of_subcommands(command);
        if (!word.starts_with('-') && &app != &command && !subcommands.empty())
            return usage(command.get_name() + ": there is no \"" + word + "\"" + did_you_mean(word, subcommands), more);
        if (!word.starts_with('-')) return usage("\"" + word + "\" is a word too many", more);
        auto names = option_names(command);
        if (&app != &command) {
            for (auto& name : option_names(app)) names.push_back(std::move(name));
        }
        const std::string name = word.substr(0, word.find('='));
        return usage("no option \"" + name + "\"" + did_you_mean(name, names), more);
    }
    const std::string what = error.what();
    if (error.get_name() == "ArgumentMismatch" && what.ends_with(" missing"))
        return usage(what.substr(0, what.find(':')) + ": its value is missing", more);
    return usage(what, more);
}

/// The deepest subcommand that was named.
const CLI::App& named(const CLI::App& app) {
    const auto subcommands = app.get_subcommands();
    return subcommands.empty() ? app : named(*subcommands.front());
}

/// The first word that is neither an option nor the value of one: the subcommand, if it is one.
std::string first_word(const std::vector<std::string>& arguments, const CLI::App& app) {
    for (std::size_t i = 0; i < arguments.size(); ++i) {
        if (!arguments[i].starts_with('-')) return arguments[i];
        if (arguments[i].find('=') == std::string::npos && takes_value(option_of(app, app, arguments[i]))) ++i;
    }
    return {};
}

}  // namespace

Answer<Invocation> parse_command_line(std::vector<std::string> arguments) {
    Tree tree;
    const std::string wanted = first_word(arguments, tree.app);
    const auto names = names_of_subcommands(tree.app);
    if (!wanted.empty() && std::find(names.begin(), names.end(), wanted) == names.end())
        return usage("no command \"" + wanted + "\"" + did_you_mean(wanted, names), "edgectl help");
    const std::string more = wanted.empty() ? "edgectl help" : "edgectl help " + wanted;
    spell_for_cli11(arguments, tree.app, wanted.empty() ? tree.app : *tree.app.get_subcommand(wanted));
    std::reverse(arguments.begin(), arguments.end());  // as CLI11 wants it
    try {
        tree.app.parse(std::move(arguments));
    } catch (const CLI::CallForHelp&) {
        return Invocation{HelpCommand{help_on(named(tree.app))}, tree.colour};
    } catch (const CLI::ParseError& error) {
        return explained(error, tree.app, named(tree.app), more);
    }
    EDGE_TRY(auto command_of_tree, tree.command());
    return Invocation{std::move(command_of_tree), tree.colour};
}

}  // namespace edge::cli
