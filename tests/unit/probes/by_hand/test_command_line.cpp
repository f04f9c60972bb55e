#include <doctest/doctest.h>

#include "probes/by_hand/command_line.hpp"

namespace edge::probes {
namespace {

std::variant<Command, Told> read(std::vector<const char*> words) {
    words.insert(words.begin(), "edge-probe");
    return read_command_line(static_cast<int>(words.size()), words.data());
}

}  // namespace

TEST_CASE("a probe by hand has the flags of edgectl") {
    const auto ping = std::get<Command>(read({"ping", "192.0.2.1", "-c", "3", "--family", "v6", "-W", "500"}));
    CHECK(std::get<PingSpec>(ping.spec).count == 3);
    CHECK(std::get<PingSpec>(ping.spec).timeout_ms == 500);
    CHECK(std::get<PingSpec>(ping.spec).family == Family::v6);
    const auto dns = std::get<Command>(
        read({"dns", "lab.test", "--transport", "tcp", "--server", "192.0.2.53", "-p", "5353", "--no-rd"}));
    CHECK(std::get<DnsSpec>(dns.spec).transport == DnsTransport::tcp);
    CHECK(!std::get<DnsSpec>(dns.spec).rd);
    const auto http = std::get<Command>(
        read({"http", "--no-verify", "--version", "http2", "-H", "A: b:c", "-H", "D:e", "https://a.test/"}));
    const auto& spec = std::get<HttpSpec>(http.spec);
    CHECK(!spec.verify);
    CHECK(spec.version == HttpVersion::http2);
    REQUIRE(spec.headers.size() == 2);
    CHECK(spec.headers[0].value == "b:c");
    CHECK(spec.headers[1].name == "D");
}

TEST_CASE("a result is text, or JSON by edgectl's flag") {
    CHECK(!std::get<Command>(read({"ping", "192.0.2.1"})).as_json);
    CHECK(!std::get<Command>(read({"ping", "192.0.2.1", "-o", "table"})).as_json);
    CHECK(std::get<Command>(read({"ping", "192.0.2.1", "-o", "json"})).as_json);
    CHECK(std::get<Command>(read({"dns", "a.test", "--output", "json"})).as_json);
}

TEST_CASE("a mistake is one line that begins with the program's name and names the flag") {
    struct Case {
        std::vector<const char*> words;
        const char* said;
    };
    for (const auto& [words, said] : {
             Case{{"ping", "192.0.2.1", "-c", "5000"}, "edge-probe: --count: 5000 is out of range"},
             Case{{"ping", "192.0.2.1", "-c", "x"}, "edge-probe: --count: \"x\" is no whole number"},
             Case{{"ping", "192.0.2.1", "-i", "-1"}, "edge-probe: --interval-ms: \"-1\" is no whole number"},
             Case{{"ping", "a b"}, "edge-probe: the target: "},
             Case{{"dns", "a.test", "--type", "NOPE"}, "edge-probe: --type: "},
             Case{{"http", "http://a.test/", "-H", "nocolon"}, "edge-probe: --header: \"nocolon\" has no colon"},
             Case{{"http", "http://a.test/", "-H", ": x"}, "edge-probe: --header: "},
             Case{{"ping", "192.0.2.1", "--frob"}, "edge-probe: "},
             Case{{"ping"}, "edge-probe: target is required; see edge-probe ping --help"},
             Case{{}, "edge-probe: say which service: ping, dns or http; see edge-probe --help"},
             Case{{"pnig", "192.0.2.1"},
                  "edge-probe: \"pnig\" is no service; there are ping, dns and http; did you mean \"ping\"?; see"},
             Case{{"frob"}, "edge-probe: \"frob\" is no service; there are ping, dns and http; see edge-probe --help"},
             Case{{"ping", "192.0.2.1", "-o", "xml"}, "edge-probe: --output: "},
         }) {
        CAPTURE(said);
        const auto told = std::get<Told>(read(words));
        CHECK(told.status == kExitMistake);
        CHECK_MESSAGE(told.text.starts_with(said), told.text);
        CHECK(told.text.find('\n') == told.text.size() - 1);
    }
}

TEST_CASE("help and version are no mistakes") {
    CHECK(std::get<Told>(read({"--version"})).text == "edge-probe " EDGE_VERSION "\n");
    const auto help = std::get<Told>(read({"http", "--help"}));
    CHECK(help.status == 0);
    CHECK(help.text.find("--no-verify") != std::string::npos);
}

}  // namespace edge::probes
