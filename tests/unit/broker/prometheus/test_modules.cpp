#include <doctest/doctest.h>

#include "broker/prometheus/modules.hpp"
#include "broker/prometheus/probe_request.hpp"
#include "protocol/config/toml.hpp"

namespace edge::broker::prometheus {
namespace {

const std::map<std::string, Module, std::less<>>& built_in() {
    static const Modules modules = built_in_modules();
    return *modules;
}

std::string problems(const std::string& text) {
    return lines_of(load_modules(text, "b.yml").problems);
}
/// Of one module called `m`.
std::string refused(const std::string& body) {
    const auto loaded = load_modules("modules:\n  m:\n" + body, "b.yml");
    CHECK(lines_of(loaded.problems) == "");
    return loaded.modules->at("m").refused;
}
template <class Probe>
Probe loaded(const std::string& body) {
    const auto all = load_modules("modules:\n  m:\n" + body, "b.yml");
    CHECK(lines_of(all.problems) == "");
    CHECK(all.modules->at("m").refused == "");
    return std::get<Probe>(all.modules->at("m").probe);
}

ProbeSpec spec(const char* module, std::map<std::string, std::string> query) {
    query.emplace("line", "telecom");
    const auto asked = probe_query(query);
    REQUIRE(asked);
    const auto made = probe_spec(built_in().at(module), asked.value(), 10'000);
    CAPTURE(made ? "" : made.error().detail);
    REQUIRE(made);
    return made.value();
}

}  // namespace

TEST_CASE("the modules built in can be used") {
    for (const auto& [name, module] : built_in()) CHECK(module.refused == "");
    CHECK(built_in().size() == 5);
    CHECK(std::get<HttpModule>(built_in().at("http_post_2xx").probe).method == HttpMethod::POST);
}

TEST_CASE("what is wrong with a file is told by its line") {
    struct Case {
        std::string text;
        std::string said;
    };
    for (const auto& [text, said] : {
             Case{"modules:\n  a:\n    prober: http\n    htpp: {}\n",
                  "b.yml:4: \"htpp\" is no key of a module; did you"},
             Case{"moduls: {}\n", "b.yml:1: \"moduls\" is no key of the file; did you mean \"modules\"?"},
             Case{"modules:\n  a:\n    http: {}\n", "b.yml:2: a module needs prober: http, dns or icmp"},
             Case{"modules:\n  a: {prober: smtp}\n", "b.yml:2: prober: \"smtp\" is none of http, dns and icmp"},
             Case{"modules:\n  a:\n    prober: http\n    timeout: 5 apples\n",
                  "b.yml:4: expected a duration such as 5s"},
             Case{"modules:\n  a:\n    prober: http\n    http:\n      fail_if_body_matches_regexp: ['(']\n",
                  "b.yml:5: no regular expression: missing ): ("},
             Case{"modules:\n  a:\n    prober: http\n    http:\n      valid_status_codes: [200, 99]\n",
                  "b.yml:5: expected a number from 100 to 999"},
             Case{"modules:\n  a:\n    prober: http\n    http:\n      headers: {'X Y': b}\n",
                  "b.yml:5: headers: not a"},
             Case{"modules:\n  a:\n    prober: http\n    http:\n      fail_if_ssl: maybe\n",
                  "b.yml:5: expected true or"},
             Case{"modules:\n  a:\n    prober: dns\n", "b.yml:2: a dns module needs query_name"},
             Case{"modules:\n  a:\n    prober: dns\n    dns: {query_name: a.test, query_type: QQ}\n",
                  "b.yml:4: query_type"},
             Case{"modules:\n  a:\n    prober: icmp\n  a:\n    prober: icmp\n", "b.yml:4: \"a\" stands there twice"},
             Case{"modules:\n  - a\n", "b.yml:2: modules: expected a name with keys for each"},
             Case{"modules: {\n", "b.yml:2: "},
             Case{"modules: &a\n  b: *a\n", "b.yml:2: an alias of what it stands in"},
             Case{"a: 1\n---\nb: 2\n", "b.yml:3: a second document"},
             Case{std::string("a\0b", 3), "b.yml:1: a NUL"},
         }) {
        CAPTURE(text);
        CAPTURE(problems(text));
        CHECK(problems(text).find(said) == 0);
    }
}

TEST_CASE("a file has bounds") {
    std::string deep = "modules: ";
    for (int i = 0; i < 50'000; ++i) deep += '[';
    CHECK(problems(deep).find("nested too deep") != std::string::npos);
    std::string many = "modules:\n";
    for (int i = 0; i < 30'000; ++i) many += "- a\n";
    CHECK(problems(many).find("too many values") != std::string::npos);
    CHECK(problems(std::string(300'000, '#')).find("too large") != std::string::npos);
    std::string aliases = "x: &a b\nmodules:\n";
    for (int i = 0; i < 300; ++i) aliases += "- *a\n";
    CHECK(problems(aliases).find("too many aliases") != std::string::npos);
}

TEST_CASE("what no probe can do refuses its module with file and line, and leaves the others") {
    const std::string text =
        "modules:\n  good:\n    prober: icmp\n  grpc:\n    prober: grpc\n    grpc: {service: x}\n"
        "  ttl:\n    prober: icmp\n    icmp:\n      ttl: 5\n";
    const auto loaded = load_modules(text, "b.yml");
    CHECK(loaded.problems.empty());
    CHECK(loaded.modules->at("good").refused == "");
    CHECK(loaded.modules->at("grpc").refused.starts_with("b.yml:4: prober: there is no grpc probe"));
    CHECK(loaded.modules->at("ttl").refused.starts_with("b.yml:10: ttl: pings leave with"));
    CHECK(loaded.modules->at("ttl").source == "  ttl:\n    prober: icmp\n    icmp:\n      ttl: 5\n");
    CHECK(
        refused("    prober: http\n    http:\n      basic_auth: {username: u, password: p}\n").starts_with("b.yml:5:"));
    CHECK(refused("    prober: http\n    http: {proxy_url: 'http://a'}\n").find("proxy") != std::string::npos);
    CHECK(refused("    prober: http\n    http: {compression: gzip}\n") != "");
    CHECK(refused("    prober: dns\n    dns: {query_name: a, dns_over_tls: true}\n") != "");
    CHECK(refused("    prober: icmp\n    icmp: {payload_size: 8}\n") != "");
}

TEST_CASE("a module is what its file says") {
    const auto http = loaded<HttpModule>(
        "    prober: http\n    http:\n      valid_status_codes: [200, 404]\n      method: POST\n      body: '{}'\n"
        "      body_size_limit: 10MB\n      no_follow_redirects: true\n      preferred_ip_protocol: ip4\n"
        "      ip_protocol_fallback: false\n      tls_config: {insecure_skip_verify: true}\n"
        "      fail_if_header_matches: [{header: Set-Cookie, regexp: '.*', allow_missing: true}]\n");
    CHECK(http.valid_status_codes == std::vector<std::uint32_t>{200, 404});
    CHECK(http.method == HttpMethod::POST);
    CHECK(http.body_size_limit == 10 * 1024 * 1024);
    CHECK_FALSE(http.follow_redirects);
    CHECK(http.family == Family::v4);
    CHECK_FALSE(http.verify);
    CHECK(http.fail_if_header_matches.at(0).allow_missing);
    const auto dns = loaded<DnsModule>(
        "    prober: dns\n    dns: {query_name: a.test, query_type: SOA, transport_protocol: tcp, valid_rcodes: "
        "[NXDOMAIN]}\n");
    CHECK(dns.transport == DnsTransport::tcp);
    CHECK(dns.valid_rcodes == std::vector<std::string>{"NXDOMAIN"});
    CHECK(loaded<IcmpModule>("    prober: icmp\n").family == Family::v6_first);
    CHECK(loaded<IcmpModule>("    prober: icmp\n    icmp: {preferred_ip_protocol: ip4}\n").family == Family::any);
    const auto timed = load_modules("modules:\n  m: {prober: icmp, timeout: 1m30s}\n", "b.yml");
    CHECK(timed.modules->at("m").timeout_ms == 90'000);
}

TEST_CASE("a target becomes a probe as blackbox_exporter takes it") {
    CHECK(std::get<HttpSpec>(spec("http_2xx", {{"target", "www.lab.test"}})).target == "http://www.lab.test");
    CHECK(std::get<HttpSpec>(spec("http_2xx", {{"target", "www.lab.test"}})).redirects == 10);
    CHECK(std::get<HttpSpec>(spec("http_2xx", {{"target", "https://a/"}})).timeout_ms == 9'750);
    const auto named = std::get<HttpSpec>(
        spec("http_2xx", {{"target", "https://198.51.100.10:8443/x"}, {"hostname", "www.lab.test"}}));
    CHECK(named.target == "https://www.lab.test:8443/x");
    CHECK(named.connect_to == "198.51.100.10");
    CHECK(named.headers.at(0).value == "www.lab.test");
    const auto same =
        std::get<HttpSpec>(spec("http_2xx", {{"target", "https://www.lab.test/x"}, {"hostname", "www.lab.test"}}));
    CHECK(same.target == "https://www.lab.test/x");
    CHECK(!same.connect_to);
    const auto plain =
        std::get<HttpSpec>(spec("http_2xx", {{"target", "http://cdn.lab.test/x"}, {"hostname", "www.lab.test"}}));
    CHECK(plain.target == "http://cdn.lab.test/x");
    CHECK(plain.headers.at(0).value == "www.lab.test");
    const auto other =
        probe_spec(built_in().at("http_2xx"), {"http_2xx", "https://cdn.lab.test", "www.lab.test", "all", false}, 1000);
    REQUIRE_FALSE(other);
    CHECK(other.error().detail.starts_with("with the Host header www.lab.test an https target is"));
    const auto dns = std::get<DnsSpec>(spec("dns_udp", {{"target", "198.51.100.53:5353"}}));
    CHECK(dns.server == "198.51.100.53");
    CHECK(dns.port == 5353);
    CHECK(std::get<DnsSpec>(spec("dns_udp", {{"target", "2001:db8::53"}})).port == 53);
    CHECK(std::get<DnsSpec>(spec("dns_udp", {{"target", "[2001:db8::53]:54"}})).server == "2001:db8::53");
    CHECK(std::get<PingSpec>(spec("icmp", {{"target", "a.test"}})).count == 1);
}

TEST_CASE("parameters that are missing or not to be used are refused") {
    const auto said = [](std::map<std::string, std::string> query) {
        const auto asked = probe_query(query);
        return asked ? "good: " + asked.value().selector : asked.error().detail;
    };
    CHECK(said({}) == "Target parameter is missing");
    CHECK(said({{"target", "a"}}).starts_with("Line parameter is missing"));
    CHECK(said({{"target", "a"}, {"node", "gz-1"}, {"line", "telecom"}, {"from", "-carrier:cu"}}) ==
          "good: node:gz-1 line:telecom -carrier:cu");
    CHECK(said({{"target", "a"}, {"line", "telecom all"}}).starts_with("line: a name"));
    const Module& dns = built_in().at("dns_udp");
    const auto by_name = probe_spec(dns, {"dns_udp", "dns.google", "", "all", false}, 1000);
    REQUIRE_FALSE(by_name);
    CHECK(by_name.error().detail.find("server's address") != std::string::npos);
}

TEST_CASE("the answer is due half a second before the scrape ends, or when the module says") {
    Module module;
    CHECK(answer_within_ms("", module).value() == 119'500);
    CHECK(answer_within_ms("10", module).value() == 9'500);
    CHECK(answer_within_ms("0", module).value() == 119'500);
    CHECK_FALSE(answer_within_ms("soon", module));
    module.timeout_ms = 5'000;
    CHECK(answer_within_ms("10", module).value() == 5'000);
    CHECK(answer_within_ms("3", module).value() == 2'500);
    CHECK(answer_within_ms("0.2", module).value() == 5'000);  // as blackbox_exporter does
}

}  // namespace edge::broker::prometheus
