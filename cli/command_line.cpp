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

Trouble usage(std::string what, std::string next) {
    return Trouble{ExitCode::usage, std::move(what), std::move(next)};
}

// ── selectors ──

// A selector's negations look like options to CLI11: `-node:gz-1`. They travel through it under this mark.
constexpr char kNegation = '\x01';

/// Is this `-node:gz-1` or `-telecom` rather than `-c`, `-c3` or `-ojson`? Asked only behind `from`, where a short
/// option that has a word for its value keeps a space before it: `-t MX`.
bool is_negation(const std::string& word) {
    if (word.size() < 3 || word[0] != '-' || word[1] == '-') return false;
    const std::string_view value = std::string_view(word).substr(2);
    if (value.find_first_not_of("0123456789=") == std::string_view::npos) return false;
    return word[1] != 'o' ||
           !(value.starts_with('=') || value == "json" || value == "jsonl" || value == "table" || value == "wide");
}

void hide_negations(std::vector<std::string>& arguments) {
    auto at = std::find(arguments.begin(), arguments.end(), "from");
    for (; at != arguments.end(); ++at) {
        if (is_negation(*at)) at->front() = kNegation;
    }
}

struct TargetAndSelector {
    std::string target;
    std::string selector;
};

/// TARGET from WORD…
Answer<TargetAndSelector> taken_apart(const std::string& program, const std::vector<std::string>& words,
                                      std::optional<std::size_t> limit) {
    const std::string example = "edgectl " + program + " " + (words.empty() ? "TARGET" : words[0]) + " from all";
    if (words.empty()) return usage("what to " + program + " is missing", example);
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
const std::map<std::string, Kind> kKinds{{"nodes", Kind::nodes}, {"node", Kind::nodes}, {"lines", Kind::lines},
                                         {"line", Kind::lines},  {"runs", Kind::runs},  {"run", Kind::runs},
                                         {"jobs", Kind::jobs},   {"job", Kind::jobs},   {"tokens", Kind::tokens},
                                         {"token", Kind::tokens}};

template <class T>
CLI::Option* choice(CLI::App& app, const std::string& flag, T& value, const std::map<std::string, T>& names,
                    const std::string& help) {
    std::string list;
    for (const auto& [name, unused] : names) list += (list.empty() ? "" : ", ") + name;
    const std::function<void(const std::string&)> take = [&value, &names, flag, list](const std::string& text) {
        const auto at = names.find(text);
        if (at == names.end()) throw CLI::ValidationError(flag, "\"" + text + "\" is none of " + list);
        value = at->second;
    };
    return app.add_option_function(flag, take, help)->type_name("WORD");
}

/// At least one and not absurd; said by CLI11 when it is not, without a word in the help.
CLI::Validator count() {
    CLI::Validator range = CLI::Range(1, 1'000'000);
    range.description("");
    return range;
}

/// CLI11 would print `ping [OPTIONS] [words...]`.
class UsageLines : public CLI::Formatter {
  public:
    std::string make_usage(const CLI::App* app, std::string name) const override {
        static const std::map<std::string, std::string> kUsages{
            {"edgectl", "COMMAND"},
            {"ping", "TARGET from SELECTOR..."},
            {"dns", "TARGET from SELECTOR..."},
            {"http", "URL from SELECTOR..."},
            {"get", "WHAT"},
            {"describe", "WHAT ID"},
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
    CLI::App* token = nullptr;
    CLI::App* token_create = nullptr;
    CLI::App* version = nullptr;
    CLI::App* api = nullptr;
    CLI::App* help = nullptr;
    GetCommand get_command;
    DescribeCommand describe_command;
    std::string describe_timeout;
    TokenCommand token_command;
    std::string token_ttl;
    std::vector<std::string> api_words;
    std::string topic;

    Tree();
    void add_probe(const std::string& name, Service service, const std::string& help, const std::string& example);
    Answer<Command> command();
    Answer<Command> probe_command(const std::string& name, Probe& probe);
    Answer<Command> help_command();
};

Tree::Tree() {
    app.require_subcommand(0, 1);
    const auto formatter = std::make_shared<UsageLines>();
    formatter->column_width(34);
    app.formatter(formatter);  // subcommands inherit it
    choice(app, "--color", colour, kColours, "auto, always or never; NO_COLOR and TERM=dumb are heard");
    app.fallthrough();

    add_probe("ping", Service::ping, "ICMP echo from each line", "edgectl ping 192.0.2.1 from all --count 10");
    add_probe("dns", Service::dns, "ask each line's resolver, or a server of yours",
              "edgectl dns example.com from carrier:ct --type AAAA");
    add_probe("http", Service::http, "fetch a URL from each line",
              "edgectl http https://example.com/ from telecom unicom");

    get = app.add_subcommand("get", "nodes, lines, runs, jobs or tokens");
    choice(*get, "kind", get_command.kind, kKinds, "nodes, lines, runs, jobs or tokens")->type_name("WHAT");
    choice(*get, "-o,--output", get_command.format, kFormats, "table, wide, json or jsonl");
    get->add_option("--limit", get_command.limit, "at most so many, the newest first")->check(count())->type_name("N");

    describe = app.add_subcommand("describe", "all about one node, line or run");
    choice(*describe, "kind", describe_command.kind, kKinds, "node, line or run")->type_name("WHAT");
    describe
        ->add_option("id", describe_command.id,
                     "node: id or name; line: NODE/LINE, or LINE where only one has that name; run: id")
        ->type_name("ID");
    describe->add_flag("-f,--follow", describe_command.follow, "of a run: stay until it has finished");
    choice(*describe, "-o,--output", describe_command.format, kFormats, "table, wide, json or jsonl");
    choice(*describe, "--fail-on", describe_command.fail_on, kFailOn,
           "any, all or none: how many failed lines make the exit code 3");
    describe->add_option("--timeout", describe_timeout, "with --follow: wait so long, as 30s or 2m")->type_name("TIME");

    token = app.add_subcommand("token", "join tokens, by which a new node enrols");
    token->require_subcommand(0, 1);
    token_create = token->add_subcommand("create", "make one; it is shown this once");
    token_create->add_option("--node", token_command.node, "only a node of this name may use it")->type_name("NAME");
    token_create->add_option("--ttl", token_ttl, "valid so long, as 15m or 24h")->type_name("TIME");
    choice(*token_create, "-o,--output", token_command.format, kFormats, "table or json");

    api = app.add_subcommand("api", "GET a path of the REST API as it is");
    api->add_option("path", api_words, "GET /api/v1/nodes")->required()->expected(1, 2)->type_name("[GET] PATH");
    version = app.add_subcommand("version", "of edgectl and of the broker");
    help = app.add_subcommand("help", "help on a command, or on exit-codes");
    help->add_option("topic", topic, "a command, or exit-codes")->type_name("TOPIC");
}

void Tree::add_probe(const std::string& name, Service service, const std::string& text, const std::string& example) {
    Probe& probe = probes[name];
    probe.app = app.add_subcommand(name, text);
    probe.command.service = service;
    probe.app->footer(
        "SELECTOR is all, a line, carrier, province, city or node, or key:value; words are joined by AND, -key:value\n"
        "leaves out, limit:N keeps N.  Example: " +
        example);
    probe.app->add_option("words", probe.words, "TARGET from SELECTOR...")->group("");
    probe.flags = add_spec_flags(*probe.app, service);
    probe.app->add_option("--limit", probe.limit, "at most so many lines")->check(count())->type_name("N");
    choice(*probe.app, "-o,--output", probe.command.format, kFormats,
           "table, wide, json (an array at the end) or jsonl (a result a line, as it comes)");
    probe.app->add_option("--timeout", probe.timeout, "wait so long for the run, as 30s or 2m; it goes on without you")
        ->type_name("TIME");
    choice(*probe.app, "--fail-on", probe.command.fail_on, kFailOn,
           "any, all or none: how many failed lines make the exit code 3");
    probe.app->add_option("--label", probe.labels, "of the job, for finding it again; may stand more than once")
        ->expected(1)
        ->allow_extra_args(false)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
        ->type_name("KEY=VALUE");
    probe.app
        ->add_option("--start-within-ms", probe.command.start_within_ms,
                     "a line that cannot begin in that time is left out")
        ->type_name("N");
    probe.app->add_option("--repeat", probe.command.repeat, "tasks of each line, 1 to 1000")->type_name("N");
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
    if (topic.empty()) return Command(HelpCommand{app.help()});
    if (topic == "exit-codes") return Command(HelpCommand{exit_codes_text()});
    std::vector<std::string> topics{"exit-codes"};
    for (auto* one : app.get_subcommands([](CLI::App*) { return true; })) {
        if (one->get_name() == topic) return Command(HelpCommand{one->help()});
        topics.push_back(one->get_name());
    }
    return usage("no help on \"" + topic + "\"" + did_you_mean(topic, topics), "edgectl help");
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
            return usage("describe what: node NAME, line NODE/LINE or run ID?", "edgectl describe node gz-1");
        if (describe_command.kind == Kind::jobs || describe_command.kind == Kind::tokens)
            return usage("describe shows a node, a line or a run", "edgectl help describe");
        if (!describe_timeout.empty()) {
            EDGE_TRY(describe_command.timeout, duration("--timeout", describe_timeout));
        }
        return Command(describe_command);
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
        if (api_words.size() == 2 && api_words[0] != "GET")
            return usage("api: only GET is there, not " + api_words[0], "edgectl api GET /api/v1/nodes");
        if (!api_words.back().starts_with('/'))
            return usage("api: a path begins with a slash", "edgectl api GET /api/v1/nodes");
        return Command(ApiCommand{api_words.back()});
    }
    if (version->parsed()) return Command(VersionCommand{});
    if (help->parsed()) return help_command();
    return usage("what to do is missing", "edgectl help");
}

/// The first word that is no option: the subcommand, if it is one.
std::string first_word(const std::vector<std::string>& arguments) {
    const auto at = std::find_if(arguments.begin(), arguments.end(),
                                 [](const std::string& word) { return !word.starts_with('-'); });
    return at == arguments.end() ? std::string() : *at;
}

}  // namespace

Answer<Invocation> parse_command_line(std::vector<std::string> arguments) {
    hide_negations(arguments);
    Tree tree;
    std::vector<std::string> names;
    for (auto* one : tree.app.get_subcommands([](CLI::App*) { return true; })) names.push_back(one->get_name());
    const std::string wanted = first_word(arguments);
    const bool is_known = wanted.empty() || std::find(names.begin(), names.end(), wanted) != names.end();
    const std::string more = is_known && !wanted.empty() ? "edgectl help " + wanted : "edgectl help";
    std::reverse(arguments.begin(), arguments.end());  // as CLI11 wants it
    try {
        tree.app.parse(std::move(arguments));
    } catch (const CLI::CallForHelp&) {
        for (auto* one : tree.app.get_subcommands()) return Invocation{HelpCommand{one->help()}, tree.colour};
        return Invocation{HelpCommand{tree.app.help()}, tree.colour};
    } catch (const CLI::ParseError& error) {
        if (!is_known) return usage("no command \"" + wanted + "\"" + did_you_mean(wanted, names), more);
        return usage(error.what(), more);
    }
    EDGE_TRY(auto command, tree.command());
    return Invocation{std::move(command), tree.colour};
}

}  // namespace edge::cli
