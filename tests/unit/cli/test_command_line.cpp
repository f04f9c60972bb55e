#include <doctest/doctest.h>

#include "cli/command_line.hpp"

using namespace edge;
using namespace edge::cli;
using namespace std::chrono_literals;

namespace {

Answer<Invocation> parse(std::vector<std::string> arguments) {
    return parse_command_line(std::move(arguments));
}

ProbeCommand probe(std::vector<std::string> arguments) {
    const auto invocation = parse(std::move(arguments));
    if (!invocation) FAIL(text_of(invocation.error()));
    return std::get<ProbeCommand>(invocation.value().command);
}

}  // namespace

TEST_CASE("from joins its words, and a negation is no option") {
    CHECK(probe({"ping", "x", "from", "all"}).selector == "all");
    CHECK(probe({"ping", "x", "from", "telecom+beijing"}).selector == "telecom+beijing");
    CHECK(probe({"ping", "x", "from", "all", "-moble"}).selector == "all -moble");  // for the broker to mend
    CHECK(probe({"ping", "x", "from", "carrier:ct", "province:guangdong", "-node:gz-1", "limit:10"}).selector ==
          "carrier:ct province:guangdong -node:gz-1 limit:10");
    CHECK(probe({"ping", "x", "from", "all", "-telecom", "-o", "json"}).selector == "all -telecom");
    CHECK(probe({"ping", "x", "from", "all", "-ct", "-overseas"}).selector == "all -ct -overseas");
    CHECK(probe({"ping", "x", "from", "all", "-4g", "-sh-1", "-c2c", "-电信"}).selector == "all -4g -sh-1 -c2c -电信");
    CHECK(probe({"dns", "x", "from", "-telecom", "-province:guangdong"}).selector == "-telecom -province:guangdong");
    CHECK(probe({"ping", "x", "from", "all", "--limit", "3"}).selector == "all limit:3");
    CHECK(probe({"ping", "x", "from", "all", "--limit", "2", "--limit", "3", "-o", "json", "-o", "table"}).selector ==
          "all limit:3");
}

TEST_CASE("options stand anywhere, short or long") {
    for (const auto& arguments :
         std::vector<std::vector<std::string>>{{"ping", "x", "from", "all", "-c", "3", "-o", "json"},
                                               {"ping", "-c3", "-ojson", "x", "from", "all"},
                                               {"ping", "x", "--count=3", "from", "--output=json", "all"},
                                               {"ping", "x", "from", "all", "-c3", "-o=json"},
                                               {"ping", "x", "from", "all", "-c=3", "-ojson"},
                                               {"ping", "-o=json", "x", "--count", "3", "from", "all"},
                                               {"--color=never", "ping", "x", "from", "all", "-o", "json", "-c", "3"},
                                               {"--color", "never", "ping", "x", "from", "all", "-o", "json", "-c3"}}) {
        const auto command = probe(arguments);
        CHECK(command.params == Json{{"target", "x"}, {"count", 3}});
        CHECK(command.selector == "all");
        CHECK(command.format == Format::json);
    }
}

TEST_CASE("behind from, a short option keeps its value, and a value keeps its dash") {
    const auto dns = probe({"dns", "x", "from", "all", "-tMX", "-p5353", "-telecom"});
    CHECK(dns.params == Json{{"target", "x"}, {"type", "MX"}, {"port", 5353}});
    CHECK(dns.selector == "all -telecom");
    const auto http = probe({"http", "http://x", "from", "all", "-XPOST", "-HX-A: b", "-hunan", "-d=-body", "-L2"});
    CHECK(http.params == Json{{"target", "http://x"},
                              {"method", "POST"},
                              {"headers", Json::array({Json{{"name", "X-A"}, {"value", "b"}}})},
                              {"body", "-body"},
                              {"redirects", 2}});
    CHECK(http.selector == "all -hunan");
    CHECK(probe({"http", "http://x", "from", "all", "--body=-telecom"}).params["body"] == "-telecom");
    CHECK(probe({"http", "http://x", "from", "all", "--body", "-telecom"}).params["body"] == "-telecom");
    CHECK(probe({"http", "http://x", "from", "all", "-d", "-telecom"}).params["body"] == "-telecom");
    CHECK(probe({"ping", "x", "--label", "from=-a", "from", "from"}).selector == "from");
}

TEST_CASE("only what was given is sent, each in its own kind") {
    CHECK(probe({"ping", "x", "from", "all"}).params == Json{{"target", "x"}});
    CHECK(probe({"ping", "x", "from", "all", "-6", "--interval-ms", "20", "--size", "64"}).params ==
          Json{{"target", "x"}, {"family", "v6"}, {"interval_ms", 20}, {"size", 64}});
    CHECK(probe({"dns", "x", "from", "all", "--type", "TYPE65400", "--transport", "tcp", "--no-rd"}).params ==
          Json{{"target", "x"}, {"type", "TYPE65400"}, {"transport", "tcp"}, {"rd", false}});
    CHECK(probe({"http", "http://x", "from", "all", "-H", "A: b:c", "--no-verify", "-L", "2"}).params ==
          Json{{"target", "http://x"},
               {"headers", Json::array({Json{{"name", "A"}, {"value", "b:c"}}})},
               {"verify", false},
               {"redirects", 2}});
    const auto command = probe({"ping", "x", "from", "all", "--label", "a=b", "--label", "c=", "--repeat", "5",
                                "--start-within-ms", "100", "--run-within-ms", "2000", "--when-unknown", "elsewhere"});
    CHECK(command.labels == std::map<std::string, std::string>{{"a", "b"}, {"c", ""}});
    CHECK(command.repeat == 5);
    CHECK(command.start_within_ms == 100);
    CHECK(command.run_within_ms == 2000);
    CHECK(command.when_unknown == "elsewhere");
}

TEST_CASE("times have units, and a bare number is seconds") {
    struct Case {
        std::string text;
        std::chrono::milliseconds time;
    };
    for (const auto& [text, time] : {Case{"2", 2000ms}, Case{"1.5", 1500ms}, Case{"300ms", 300ms}, Case{"30s", 30s},
                                     Case{"2m", 2min}, Case{"1h", 1h}}) {
        CHECK(probe({"ping", "x", "from", "all", "--timeout", text}).timeout == time);
    }
    for (const std::string bad : {"", "0", "-1", "x", "5 s", "5d", "nan", "inf", "1e99"}) {
        CAPTURE(bad);
        if (bad.empty()) continue;
        const auto invocation = parse({"ping", "x", "from", "all", "--timeout=" + bad});
        REQUIRE_FALSE(invocation);
        CHECK(invocation.error().exit == ExitCode::usage);
    }
}

TEST_CASE("what is wrong is said with the next thing to try") {
    struct Case {
        std::vector<std::string> arguments;
        std::string what;
    };
    for (const auto& [arguments, what] : {
             Case{{"pnig", "x"}, "no command \"pnig\"; did you mean \"ping\"?"},
             Case{{"ping"}, "what to ping is missing"},
             Case{{"ping", "x"}, "from which lines is missing"},
             Case{{"ping", "x", "all"}, "expected \"from\" after the target, not \"all\""},
             Case{{"ping", "x", "from"}, "no selector after \"from\""},
             Case{{"ping", "x", "from", "all", "--count", "0"}, "--count: 0 is out of range, 1 to 1000"},
             Case{{"ping", "x", "from", "all", "--count", "1e3"}, "--count: \"1e3\" is no whole number"},
             Case{{"http", "http://a:99999/", "from", "all"},
                  "the target: the port \"99999\" is no number from 1 to 65535"},
             Case{{"ping", "a b", "from", "all"}, "the target: expected a host name or an address"},
             Case{{"ping", "x", "from", "all", "--family", "v5"}, "--family: expected one of any, v4, v6, v6_first"},
             Case{{"http", "http://x", "from", "all", "-H", "Transfer-Encoding: x"},
                  "--header: the prober sets this header itself"},
             Case{{"ping", "x", "from", "all", "--label", "x"}, "--label: \"x\" is no KEY=VALUE"},
             Case{{"ping", "x", "from", "all", "--repeat", "0"}, "--repeat: 0 is out of range, 1 to 1000"},
             Case{{"ping", "x", "from", "all", "--repeat", "1001"}, "--repeat: 1001 is out of range, 1 to 1000"},
             Case{{"ping", "x", "from", "all", "--repeat", "99999999999"},
                  "--repeat: 99999999999 is out of range, 1 to 1000"},
             Case{{"ping", "x", "from", "all", "--repeat=-1"}, "--repeat: \"-1\" is no whole number"},
             Case{{"ping", "x", "from", "all", "--repeat", "many"}, "--repeat: \"many\" is no whole number"},
             Case{{"ping", "x", "from", "all", "--limit", "0"}, "--limit: 0 is out of range, 1 to 100000"},
             Case{{"ping", "x", "from", "all", "--start-within-ms", "2s"},
                  "--start-within-ms: \"2s\" is no whole number"},
             Case{{"ping", "x", "from", "all", "--cuont", "3"},
                  "no option \"--cuont\"; did you mean \"--count\" or \"--cron\"?"},
             Case{{"ping", "x", "from", "all", "--colour=never"}, "no option \"--colour\"; did you mean \"--color\"?"},
             Case{{"ping", "x", "from", "all", "-q"}, "no option \"-q\""},
             Case{{"ping", "x", "from", "all", "--count"}, "--count: its value is missing"},
             Case{{"ping", "x", "from", "all", "-o=xml"}, "--output: \"xml\" is none of json, jsonl, table, wide"},
             Case{{"get", "nodes", "gz-1"}, "\"gz-1\" is a word too many"},
             Case{{"--color", "never", "get", "--wide"}, "no option \"--wide\""},
             Case{{"api"}, "api: which path?"},
             Case{{"api", "GET", "/x", "/y"}, "api: \"/y\" is a word too many"},
             Case{{"token", "creat"}, "token: there is no \"creat\"; did you mean \"create\"?"},
             Case{{"help", "token", "creat"}, "no help on \"creat\"; did you mean \"create\"?"},
             Case{{"describe", "token", "x"}, "describe: \"token\" is none of jobs, lines, nodes, runs"},
             Case{{"cancel"}, "cancel which run?"},
             Case{{"ping", "from", "all"}, "what to ping is missing before \"from\""},
             Case{{"get", "nods"},
                  "get: \"nods\" is none of jobs, lines, nodes, runs, tokens; did you mean \"nodes\"?"},
             Case{{}, "what to do is missing"},
         }) {
        CAPTURE(what);
        const auto invocation = parse(arguments);
        REQUIRE_FALSE(invocation);
        CHECK(invocation.error().exit == ExitCode::usage);
        CHECK(invocation.error().what == what);
        CHECK(invocation.error().next.starts_with("edgectl "));
    }
}

TEST_CASE("every field of every spec has a flag with a sentence to it") {
    for (const std::string service : {"ping", "dns", "http"}) {
        const auto invocation = parse({service, "--help"});
        REQUIRE(invocation);
        const std::string text = std::get<HelpCommand>(invocation.value().command).text;
        const Json fields = encode_spec(service == "ping"  ? ProbeSpec(PingSpec{})
                                        : service == "dns" ? ProbeSpec(DnsSpec{})
                                                           : ProbeSpec(HttpSpec{}));
        for (const auto& field : fields.items()) {
            if (field.key() == "target") continue;
            std::string flag = "--" + (field.key() == "headers" ? "header" : field.key());
            std::replace(flag.begin(), flag.end(), '_', '-');
            CAPTURE(flag);
            const auto at = text.find(flag);
            REQUIRE(at != std::string::npos);
            const auto line_end = text.find('\n', at);
            CHECK(line_end - at > flag.size() + 10);
        }
    }
}

TEST_CASE("help is of the command that was named") {
    const auto text = [](std::vector<std::string> arguments) {
        return std::get<HelpCommand>(parse(std::move(arguments)).value().command).text;
    };
    CHECK(text({"token", "create", "--help"}).find("Usage: edgectl token create") != std::string::npos);
    CHECK(text({"token", "--help"}).find("--ttl") == std::string::npos);
    CHECK(text({"ping", "--help"}).find("--repeat N") != std::string::npos);
    CHECK(text({"--help"}).find("Usage: edgectl COMMAND") != std::string::npos);
    CHECK(text({"help", "token", "create"}) == text({"token", "create", "--help"}));
    CHECK(text({"help"}) == text({"--help"}));
    const auto dns = text({"help", "dns"});
    CHECK(dns.find("-p,--port N                     of the server; 53 without it\n") != std::string::npos);
    CHECK(dns.find("  --rd,--no-rd   ") != std::string::npos);
    CHECK(dns.find("\n\n\n") == std::string::npos);
}

TEST_CASE("a word is the value it names") {
    const auto given = [](const char* flag, const char* word) {
        return probe({"ping", "x", "from", "all", flag, word});
    };
    CHECK(given("-o", "table").format == Format::table);
    CHECK(given("-o", "wide").format == Format::wide);
    CHECK(given("-o", "json").format == Format::json);
    CHECK(given("-o", "jsonl").format == Format::jsonl);
    CHECK(given("--fail-on", "any").fail_on == FailOn::any);
    CHECK(given("--fail-on", "all").fail_on == FailOn::all);
    CHECK(given("--fail-on", "none").fail_on == FailOn::none);
    CHECK(given("--require-level", "nft-guard").require_level == "nft-guard");
    CHECK(parse({"version", "--color", "auto"}).value().colour == ColourChoice::automatic);
    CHECK(parse({"version", "--color", "always"}).value().colour == ColourChoice::always);
    CHECK(parse({"version", "--color", "never"}).value().colour == ColourChoice::never);
    const auto got = [](const char* kind) { return std::get<GetCommand>(parse({"get", kind}).value().command).kind; };
    for (const char* kind : {"node", "nodes"}) CHECK(got(kind) == Kind::nodes);
    for (const char* kind : {"line", "lines"}) CHECK(got(kind) == Kind::lines);
    for (const char* kind : {"run", "runs"}) CHECK(got(kind) == Kind::runs);
    for (const char* kind : {"job", "jobs"}) CHECK(got(kind) == Kind::jobs);
    for (const char* kind : {"token", "tokens"}) CHECK(got(kind) == Kind::tokens);
}

TEST_CASE("--every and --cron make a schedule as the API has it, and what goes with them is of no other") {
    const auto schedule = [](std::vector<std::string> more) {
        std::vector<std::string> all{"ping", "x", "from", "all"};
        all.insert(all.end(), more.begin(), more.end());
        return probe(all).schedule;
    };
    CHECK(schedule({}).is_null());
    CHECK(schedule({"--every", "90s"}) == Json{{"every_ms", 90'000}});
    CHECK(schedule({"--cron", "*/5 * * * *", "--zone", "Asia/Shanghai", "--window", "22:00-06:00", "--jitter", "5s"}) ==
          Json{{"cron", "*/5 * * * *"},
               {"zone", "Asia/Shanghai"},
               {"window", {{"from", "22:00"}, {"to", "06:00"}}},
               {"jitter_ms", 5'000}});
    CHECK(probe({"ping", "x", "from", "all", "--align"}).align);
    CHECK(std::get<JobCommand>(parse({"pause", "job_1"}).value().command).act == JobCommand::Act::pause);
    CHECK(std::get<JobCommand>(parse({"resume", "job_1"}).value().command).act == JobCommand::Act::resume);
    CHECK(std::get<JobCommand>(parse({"delete", "job_1", "-o", "json"}).value().command).format == Format::json);
    for (const auto& bad : std::vector<std::vector<std::string>>{{"--every", "1m", "--cron", "* * * * *"},
                                                                 {"--zone", "UTC"},
                                                                 {"--every", "soon"},
                                                                 {"--every", "1m", "--window", "08:00"},
                                                                 {"--every", "1m", "--timeout", "5s"}}) {
        std::vector<std::string> all{"ping", "x", "from", "all"};
        all.insert(all.end(), bad.begin(), bad.end());
        CHECK_FALSE(parse(all));
    }
    CHECK_FALSE(parse({"pause"}));
    CHECK_FALSE(parse({"delete", "run_1"}));
}

TEST_CASE("the other commands") {
    CHECK(std::get<TokenCommand>(parse({"token", "create", "-o=json"}).value().command).format == Format::json);
    CHECK(std::holds_alternative<VersionCommand>(parse({"--version"}).value().command));
    CHECK(std::get<GetCommand>(parse({"get", "lines", "-o", "wide"}).value().command).kind == Kind::lines);
    CHECK(std::get<GetCommand>(parse({"get", "runs", "--limit", "7"}).value().command).limit == 7);
    const auto found = std::get<GetCommand>(
        parse({"get", "nodes", "-q", "carrier:ct -node:gz-1", "--sort=-last_seen_at"}).value().command);
    CHECK(found.query == "carrier:ct -node:gz-1");
    CHECK(found.sort == "-last_seen_at");
    CHECK(std::get<GetCommand>(parse({"get", "jobs", "-q", "origin:api"}).value().command).query == "origin:api");
    CHECK(!parse({"get", "tokens", "-q", "all"}));
    CHECK(!parse({"get", "runs", "--sort", "name"}));
    const auto described =
        std::get<DescribeCommand>(parse({"describe", "run", "run_1", "-f", "--timeout", "5"}).value().command);
    CHECK(described.follow);
    CHECK(described.timeout == 5s);
    CHECK(std::get<CancelCommand>(parse({"cancel", "run_1", "-o", "json"}).value().command).run_id == "run_1");
    CHECK(std::get<DescribeCommand>(parse({"describe", "job", "job_1"}).value().command).kind == Kind::jobs);
    CHECK(!std::get<GetCommand>(parse({"get", "nodes"}).value().command).limit);
    CHECK_FALSE(std::get<TokenCommand>(parse({"token", "create"}).value().command).terms.node);  // any
    CHECK(std::get<TokenCommand>(parse({"token", "create", "--node", ""}).value().command).terms.node ==
          "");  // of none
    CHECK(std::get<TokenCommand>(parse({"token", "create", "--node", "gz-1", "--ttl", "15m"}).value().command)
              .terms.ttl_ms == 900'000);
    CHECK(std::get<ApiCommand>(parse({"api", "GET", "/api/v1/nodes"}).value().command).path == "/api/v1/nodes");
    CHECK(std::get<ApiCommand>(parse({"api", "/healthz"}).value().command).path == "/healthz");
    CHECK(parse({"--color", "never", "version"}).value().colour == ColourChoice::never);
    CHECK(std::holds_alternative<HelpCommand>(parse({"help", "exit-codes"}).value().command));
    for (const auto& bad : std::vector<std::vector<std::string>>{{"get", "things"},
                                                                 {"describe", "token", "x"},
                                                                 {"describe", "run"},
                                                                 {"token"},
                                                                 {"api", "POST", "/x"},
                                                                 {"api", "x"},
                                                                 {"help", "x"}}) {
        CHECK_FALSE(parse(bad));
    }
}
