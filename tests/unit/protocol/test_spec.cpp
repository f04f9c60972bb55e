#include <doctest/doctest.h>

#include "protocol/probes/spec.hpp"

using namespace edge;

namespace {

std::string problem(Service service, std::string_view params) {
    const auto spec = decode_spec(service, parse_json(params).value());
    if (spec) return {};
    return spec.error().where + ": " + spec.error().detail;
}

std::string problem(const ProbeSpec& spec) {
    const auto checked = check(spec);
    return checked ? std::string() : checked.error().where + ": " + checked.error().detail;
}

DnsSpec dns(std::string target) {
    DnsSpec spec;
    spec.target = std::move(target);
    return spec;
}

HttpSpec page(std::string target) {
    HttpSpec spec;
    spec.target = std::move(target);
    return spec;
}

HttpSpec http(std::string name, std::string value) {
    HttpSpec spec = page("https://www.lab.test/");
    spec.headers = {{std::move(name), std::move(value)}};
    return spec;
}

struct Bound {
    Service service;
    std::string field;
    std::uint64_t low;
    std::uint64_t high;
};

}  // namespace

TEST_CASE("a target alone is enough, and the spec comes back from its JSON") {
    for (const auto& [service, target] :
         {std::pair{Service::ping, "192.0.2.1"}, {Service::dns, "lab.test"}, {Service::http, "https://lab.test/"}}) {
        CAPTURE(target);
        const auto spec = decode_spec(service, Json{{"target", target}});
        REQUIRE(spec);
        CHECK(service_of(spec.value()) == service);
        CHECK(target_of(spec.value()) == target);
        const Json encoded = encode_spec(spec.value());
        CHECK(encode_spec(decode_spec(service, encoded).value()) == encoded);
        CHECK(longest_run_ms(spec.value()) > 0);
    }
    CHECK(problem(Service::ping, "{}") == "/params/target: missing");
    CHECK(problem(Service::ping, "[]") == "/params: expected an object");
    CHECK(problem(Service::ping, R"({"target":"a","cuont":3})") ==
          "/params/cuont: unknown key \"cuont\"; did you mean \"count\"?");
}

TEST_CASE("every number has its bounds, both of them allowed and the next one not") {
    for (const auto& [service, field, low, high] : {
             Bound{Service::ping, "count", 1, 1000},
             Bound{Service::ping, "interval_ms", 10, 60'000},
             Bound{Service::ping, "size", 16, 1400},
             Bound{Service::ping, "timeout_ms", 1, 60'000},
             Bound{Service::dns, "port", 1, 65'535},
             Bound{Service::dns, "udp_payload_size", 512, 4096},
             Bound{Service::dns, "tries", 1, 5},
             Bound{Service::dns, "timeout_ms", 1, 60'000},
             Bound{Service::http, "redirects", 0, 10},
             Bound{Service::http, "max_bytes", 0, 16 * 1024 * 1024},
             Bound{Service::http, "keep_body_bytes", 0, 65'536},
             Bound{Service::http, "timeout_ms", 1, 120'000},
         }) {
        CAPTURE(field);
        const auto with = [&, service = service, field = field](std::uint64_t value) {
            return decode_spec(
                service, Json{{"target", service == Service::http ? "http://lab.test" : "lab.test"}, {field, value}});
        };
        CHECK(with(low));
        CHECK(with(high));
        REQUIRE_FALSE(with(high + 1));
        CHECK(with(high + 1).error().where == "/params/" + std::string(field));
        CHECK(with(high + 1).error().detail.find("out of range") != std::string::npos);
        if (low > 0) CHECK_FALSE(with(low - 1));
        CHECK_FALSE(with(std::uint64_t{1} << 40));
    }
}

TEST_CASE("a target is a name or an address and nothing that could be read as something else") {
    const std::string label63(63, 'a');
    const std::string name253 = label63 + "." + label63 + "." + label63 + "." + std::string(61, 'a');
    for (const std::string& good :
         {std::string("lab.test"), std::string("lab.test."), std::string("192.0.2.1"), std::string("2001:db8::1"),
          std::string("_dmarc.lab.test"), std::string("xn--fiqs8s"), std::string("中国.test"),
          std::string("*.lab.test"), label63 + ".test", name253, name253 + "."}) {
        CAPTURE(good);
        CHECK(problem(dns(good)) == "");
        CHECK(problem(PingSpec{.target = good}) == "");
    }
    CHECK(problem(dns(".")) == "");
    for (const std::string& bad : {std::string(),
                                   std::string("a b"),
                                   std::string("a\nb"),
                                   std::string("a\tb"),
                                   std::string("a\0b", 3),
                                   std::string("a\x7f"),
                                   std::string("-f"),
                                   std::string(".a"),
                                   std::string("a..b"),
                                   std::string("a.."),
                                   std::string(".."),
                                   std::string("http://a"),
                                   std::string("a/b"),
                                   std::string("a@b"),
                                   std::string("a:80"),
                                   std::string("[::1]"),
                                   std::string("a?b"),
                                   std::string("a#b"),
                                   std::string("a\\b"),
                                   std::string("a\"b"),
                                   std::string(64, 'a') + ".test",
                                   name253 + "a",
                                   name253 + ".a",
                                   std::string(100'000, 'a'),
                                   std::string("fe80::1%eth0")}) {
        CAPTURE(bad);
        CHECK(problem(dns(bad)).starts_with("/target: "));
        CHECK(problem(PingSpec{.target = bad}).starts_with("/target: "));
    }
}

TEST_CASE("an HTTP target is a URL of http or https with a host") {
    for (const std::string good :
         {"http://lab.test", "https://lab.test/", "HTTPS://LAB.test/a?b=c#d", "http://192.0.2.1:8080/x",
          "http://[2001:db8::1]/", "https://lab.test/a@b?c=d@e", "http://lab.test:65535", "http://lab.test:/",
          "http://[2001:db8::1]:8080/", "http://lab.test/a:99999"}) {
        CAPTURE(good);
        CHECK(problem(page(good)) == "");
    }
    CHECK(problem(page("https://user:secret@lab.test/")) ==
          "/target: a user name or password in a URL would be stored and shown; leave it out");
    for (const std::string& bad :
         {std::string(), std::string("lab.test"), std::string("https://user@lab.test/"), std::string("ftp://lab.test/"),
          std::string("file:///etc/passwd"), std::string("gopher://x/"), std::string("http:/lab.test"),
          std::string("http://"), std::string("https://"), std::string("http:///x"), std::string("http://?x"),
          std::string("http://#x"), std::string("https://:80/"), std::string("https://user@/"),
          std::string("http://a b/"), std::string("http://a/\r\nHost: b"), std::string("http://a/\0b", 11),
          std::string("javascript:http://"), "http://a/" + std::string(4096, 'a')}) {
        CAPTURE(bad);
        CHECK(problem(page(bad)).starts_with("/target: "));
    }
}

TEST_CASE("a URL's port is one that a connection can be made to") {
    for (const std::string port : {"99999", "65536", "0", "-1", "+80", "80x", "x", "99999999999"}) {
        CAPTURE(port);
        const std::string said = "/target: the port \"" + port + "\" is no number from 1 to 65535";
        for (const std::string tail : {"", "/", "?x", "#x"})
            CHECK(problem(page("http://lab.test:" + port + tail)) == said);
        CHECK(problem(page("https://[2001:db8::1]:" + port + "/")) == said);
    }
    CHECK(problem(page("http://2001:db8::1/")) ==
          "/target: an IPv6 address in a URL stands in brackets, as http://[2001:db8::1]:8080/");
}

TEST_CASE("a header cannot carry another header, nor the framing of the message") {
    CHECK(problem(http("Accept", "text/html; q=0.5,\t*/*")) == "");
    CHECK(problem(http("X-Empty", "")) == "");
    CHECK(problem(http("X-Latin", "caf\xc3\xa9")) == "");
    CHECK(problem(http("Host", "other.test")) == "");
    for (const std::string& value : {std::string("a\r\nInjected: 1"), std::string("a\nb"), std::string("a\rb"),
                                     std::string("a\0b", 3), std::string("a\x7f"), std::string("\x1b[2J")}) {
        CAPTURE(value);
        CHECK(problem(http("X-A", value)) == "/headers/0/value: control characters are not allowed in a header");
    }
    for (const std::string& name : {std::string(), std::string("A B"), std::string("A:"), std::string("A\r\nB"),
                                    std::string("A\0", 2), std::string("é"), std::string("A,B"), std::string("(A)")}) {
        CAPTURE(name);
        CHECK(problem(http(name, "x")) == "/headers/0/name: not a header name (RFC 9110 token)");
    }
    for (const std::string name : {"Content-Length", "transfer-encoding", "CONNECTION", "Upgrade", "TE", "trailer"}) {
        CAPTURE(name);
        CHECK(problem(http(name, "x")) == "/headers/0/name: the prober sets this header itself");
    }
}

TEST_CASE("headers and body are bounded in number and bytes") {
    HttpSpec spec = http("A", "x");
    spec.headers.assign(64, {"A", "x"});
    CHECK(problem(spec) == "");
    spec.headers.assign(65, {"A", "x"});
    CHECK(problem(spec) == "/headers: at most 64 headers");
    CHECK(problem(http("A", std::string(16 * 1024 - 1, 'x'))) == "");
    CHECK(problem(http("A", std::string(16 * 1024, 'x'))) == "/headers: at most 16 KiB in all");
    HttpSpec body = page("http://lab.test");
    body.body.assign(16 * 1024, 'x');
    CHECK(problem(body) == "");
    body.body += 'x';
    CHECK(problem(body) == "/body: at most 16 KiB");
}

TEST_CASE("an address field takes an address only") {
    DnsSpec query = dns("lab.test");
    HttpSpec get = page("http://lab.test");
    for (const std::string bad : {"", "lab.test", "192.0.2.1:53", "[::1]"}) {
        CAPTURE(bad);
        query.server = bad;
        get.connect_to = bad;
        CHECK(problem(query) == "/server: expected an IPv4 or IPv6 address");
        CHECK(problem(get) == "/connect_to: expected an IPv4 or IPv6 address");
    }
    query.server = "2001:db8::53";
    get.connect_to = "192.0.2.80";
    CHECK(problem(query) == "");
    CHECK(problem(get) == "");
}

TEST_CASE("a DNS type goes by name in any case, or by number") {
    struct Case {
        std::string name;
        int number;
    };
    for (const auto& [name, number] : {Case{"A", 1}, Case{"a", 1}, Case{"AAAA", 28}, Case{"Mx", 15}, Case{"TYPE0", 0},
                                       Case{"type65280", 65280}, Case{"TYPE65535", 65535}, Case{"https", 65}}) {
        CAPTURE(name);
        CHECK(dns_type_number(name) == number);
    }
    for (const std::string bad :
         {"", "B", "TYPE", "TYPE-1", "TYPE65536", "TYPE 1", "TYPE1x", "TYPE+1", "A ", "AAAAA"}) {
        CAPTURE(bad);
        CHECK_FALSE(dns_type_number(bad));
    }
    CHECK(dns_type_name(15) == "MX");
    CHECK(dns_type_name(65280) == "TYPE65280");
    for (unsigned n = 0; n < 65'536; ++n) CHECK(dns_type_number(dns_type_name(static_cast<std::uint16_t>(n))) == n);
    DnsSpec query = dns("a");
    query.type = "NOPE";
    CHECK(problem(query) == "/type: unknown type \"NOPE\"; TYPEnnn names any by number");
}

TEST_CASE("the longest a probe can take follows from its own timeouts") {
    CHECK(longest_run_ms(PingSpec{.target = "a", .count = 1000, .interval_ms = 60'000, .timeout_ms = 60'000}) ==
          5'000 + 999ull * 60'000 + 60'000);
    DnsSpec query = dns("a");
    query.tries = 5;
    query.timeout_ms = 60'000;
    CHECK(longest_run_ms(query) == 300'000);
    HttpSpec get = page("http://a");
    get.timeout_ms = 1;
    CHECK(longest_run_ms(get) == 1);
}
