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
    CHECK(probe({"ping", "x", "from", "carrier:ct", "province:guangdong", "-node:gz-1", "limit:10"}).selector ==
          "carrier:ct province:guangdong -node:gz-1 limit:10");
    CHECK(probe({"ping", "x", "from", "all", "-telecom", "-o", "json"}).selector == "all -telecom");
    CHECK(probe({"ping", "x", "from", "all", "-ct", "-overseas"}).selector == "all -overseas");
    CHECK(probe({"ping", "x", "from", "all", "--limit", "3"}).selector == "all limit:3");
}

TEST_CASE("options stand anywhere, short or long") {
    for (const auto& arguments :
         std::vector<std::vector<std::string>>{{"ping", "x", "from", "all", "-c", "3", "-o", "json"},
                                               {"ping", "-c3", "-ojson", "x", "from", "all"},
                                               {"ping", "x", "--count=3", "from", "--output=json", "all"},
                                               {"ping", "x", "from", "all", "-c3", "-o=json"},
                                               {"ping", "x", "from", "all", "-c3", "-ojson"}}) {
        const auto command = probe(arguments);
        CHECK(command.params == Json{{"target", "x"}, {"count", 3}});
        CHECK(command.selector == "all");
        CHECK(command.format == Format::json);
    }
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
    const auto command = probe(
        {"ping", "x", "from", "all", "--label", "a=b", "--label", "c=", "--repeat", "5", "--start-within-ms", "100"});
    CHECK(command.labels == std::map<std::string, std::string>{{"a", "b"}, {"c", ""}});
    CHECK(command.repeat == 5);
    CHECK(command.start_within_ms == 100);
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
             Case{{"ping", "a b", "from", "all"}, "the target: expected a host name or an address"},
             Case{{"ping", "x", "from", "all", "--family", "v5"}, "--family: expected one of any, v4, v6"},
             Case{{"http", "http://x", "from", "all", "-H", "Transfer-Encoding: x"},
                  "--header: the prober sets this header itself"},
             Case{{"ping", "x", "from", "all", "--label", "x"}, "--label: \"x\" is no KEY=VALUE"},
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

TEST_CASE("the other commands") {
    CHECK(std::get<GetCommand>(parse({"get", "lines", "-o", "wide"}).value().command).kind == Kind::lines);
    CHECK(std::get<GetCommand>(parse({"get", "runs", "--limit", "7"}).value().command).limit == 7);
    const auto described =
        std::get<DescribeCommand>(parse({"describe", "run", "run_1", "-f", "--timeout", "5"}).value().command);
    CHECK(described.follow);
    CHECK(described.timeout == 5s);
    CHECK(std::get<TokenCommand>(parse({"token", "create", "--node", "gz-1", "--ttl", "15m"}).value().command).ttl_ms ==
          900'000);
    CHECK(std::get<ApiCommand>(parse({"api", "GET", "/api/v1/nodes"}).value().command).path == "/api/v1/nodes");
    CHECK(std::get<ApiCommand>(parse({"api", "/healthz"}).value().command).path == "/healthz");
    CHECK(parse({"--color", "never", "version"}).value().colour == ColourChoice::never);
    CHECK(std::holds_alternative<HelpCommand>(parse({"help", "exit-codes"}).value().command));
    for (const auto& bad : std::vector<std::vector<std::string>>{{"get", "things"},
                                                                 {"describe", "job", "x"},
                                                                 {"describe", "run"},
                                                                 {"token"},
                                                                 {"api", "POST", "/x"},
                                                                 {"api", "x"},
                                                                 {"help", "x"}}) {
        CHECK_FALSE(parse(bad));
    }
}
