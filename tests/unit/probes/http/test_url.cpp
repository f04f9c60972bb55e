#include <doctest/doctest.h>

#include "probes/http/redirect.hpp"
#include "probes/http/url.hpp"
#include "protocol/targets/target_policy.hpp"

using namespace edge;
using namespace edge::probes;

TEST_CASE("a URL is taken apart as libcurl will read it") {
    struct Row {
        const char* text;
        const char* normal;
        const char* host;
        int port;
    };
    const Row rows[] = {
        {"http://www.lab.test/", "http://www.lab.test/", "www.lab.test", 80},
        {"HTTPS://www.lab.test", "https://www.lab.test/", "www.lab.test", 443},
        {"http://www.lab.test:8080/a?b=c#d", "http://www.lab.test:8080/a?b=c", "www.lab.test", 8080},
        {"https://[2001:db8::1]:444/x", "https://[2001:db8::1]:444/x", "2001:db8::1", 444},
        {"http://198.18.0.10/", "http://198.18.0.10/", "198.18.0.10", 80},
    };
    for (const Row& row : rows) {
        CAPTURE(std::string(row.text));
        const auto url = parse_url(row.text);
        REQUIRE(url);
        CHECK(url.value().text == row.normal);
        CHECK(url.value().host == row.host);
        CHECK(url.value().port == row.port);
    }
}

TEST_CASE("other schemes, user names, zones, ports out of range and control characters are refused") {
    for (const char* text : {"file:///etc/passwd",
                             "ftp://a/",
                             "gopher://a/",
                             "dict://a/",
                             "javascript:x",
                             "http://user@a/",
                             "http://user:pw@a/",
                             "http://[fe80::1%25eth0]/",
                             "http://a:0/",
                             "http://a:65536/",
                             "http://a:80a/",
                             "http:///",
                             "http://",
                             "http://a b/",
                             "http://a\r\nHost: b/",
                             "http://a/\x7f",
                             "//a/",
                             "a",
                             "",
                             "http://\xe4\xb8\xad\xe6\x96\x87.test/",
                             "http://[::1",
                             "http://a\\@b/"}) {
        CAPTURE(std::string(text));
        const auto url = parse_url(text);
        // What is taken in spite of an odd look must at least be one host for us and for libcurl.
        if (url) CHECK(url.value().host.find_first_of("@\\/ ") == std::string::npos);
        const bool is_odd_but_harmless = std::string_view(text) == "http://a\\@b/";
        if (!is_odd_but_harmless) CHECK_FALSE(url);
    }
}

TEST_CASE("P1: no spelling of loopback or metadata becomes an address that policy allows") {
    TargetPolicy policy;
    policy.services = {Service::http};
    for (const char* text : {"http://2130706433/",
                             "http://0x7f.1/",
                             "http://0177.1/",
                             "http://127.1/",
                             "http://1.1/",
                             "http://0/",
                             "http://0x7f000001/",
                             "http://017700000001/",
                             "http://127.0.0.1./",
                             "http://127.0.0.1%2e/",
                             "http://%31%32%37.0.0.1/",
                             "http://[::ffff:7f00:1]/",
                             "http://[::ffff:127.0.0.1]/",
                             "http://[::]/",
                             "http://[0:0:0:0:0:0:0:1]/",
                             "http://2852039166/",
                             "http://0xa9fea9fe/",
                             "http://169.254.43518/",
                             "http://[64:ff9b::a9fe:a9fe]/",
                             "http://[2002:7f00:1::]/",
                             "http://0000000127.0.0.1/",
                             "http://\xe2\x91\xa0\xe2\x91\xa1\xe2\x91\xa6.0.0.1/",
                             "http://127.0.0.1:80@198.51.100.1/",
                             "http://[::1]:80/"}) {
        CAPTURE(std::string(text));
        const auto url = parse_url(text);
        if (!url) continue;  // refused as a URL
        const auto address = IpAddress::parse(url.value().host);
        if (!address) continue;  // a name: it goes to the resolver, whose answer is classified
        const std::string read_as = address.value().text();
        const bool is_global =
            read_as == "1.0.0.1" || read_as == "87.0.0.1";  // 1.1, and octal 0127: inet_aton reads them so too
        if (!is_global) CHECK(policy.refusal(address.value(), url.value().port));
    }
    CHECK(parse_url("http://2130706433/").value().host == "127.0.0.1");
    CHECK(parse_url("http://0177.1/").value().host == "127.0.0.1");
}

TEST_CASE("a Location is relative to where it came from, and is vetted like a first URL") {
    const Url base = parse_url("https://www.lab.test/a/b?c").value();
    struct Row {
        const char* reference;
        const char* result;  // nullptr: refused
    };
    const Row rows[] = {
        {"/x", "https://www.lab.test/x"},
        {"x", "https://www.lab.test/a/x"},
        {"../x", "https://www.lab.test/x"},
        {"//other.test/x", "https://other.test/x"},
        {"http://169.254.169.254/latest", "http://169.254.169.254/latest"},  // parses; the address check refuses it
        {"http://2852039166/", "http://169.254.169.254/"},
        {"?q", "https://www.lab.test/a/b?q"},
        {"file:///etc/passwd", nullptr},
        {"ftp://other.test/", nullptr},
        {"http://u:p@other.test/", nullptr},
        {"http://a b/", nullptr},
        {"/x\r\nSet-Cookie: a", nullptr},
    };
    for (const Row& row : rows) {
        CAPTURE(std::string(row.reference));
        const auto url = resolve_url(base, row.reference);
        CHECK(static_cast<bool>(url) == (row.result != nullptr));
        if (url && row.result) CHECK(url.value().text == row.result);
    }
}

TEST_CASE("a redirect changes the method as RFC 9110 says and keeps credentials at home") {
    HttpRequest post{
        parse_url("https://www.lab.test/a").value(),
        HttpMethod::POST,
        {{"Authorization", "secret"}, {"Cookie", "c"}, {"Host", "h"}, {"Content-Type", "x"}, {"X-Own", "1"}},
        "body"};
    struct Row {
        std::uint32_t status;
        const char* location;
        HttpMethod method;
        bool has_body;
        std::size_t headers;
    };
    const Row rows[] = {
        {301, "/b", HttpMethod::GET, false, 4},
        {302, "/b", HttpMethod::GET, false, 4},
        {303, "/b", HttpMethod::GET, false, 4},
        {307, "/b", HttpMethod::POST, true, 5},
        {308, "/b", HttpMethod::POST, true, 5},
        {302, "https://other.test/", HttpMethod::GET, false, 1},
        {307, "http://www.lab.test/b", HttpMethod::POST, true, 2},
        {307, "https://www.lab.test:444/", HttpMethod::POST, true, 2},
    };
    for (const Row& row : rows) {
        CAPTURE(row.status);
        CAPTURE(std::string(row.location));
        const auto next = next_request(post, row.status, row.location);
        REQUIRE(next);
        CHECK(next.value().method == row.method);
        CHECK(next.value().body.empty() != row.has_body);
        CHECK(next.value().headers.size() == row.headers);
    }
    CHECK_FALSE(next_request(post, 302, "file:///etc/passwd"));
}

TEST_CASE("only redirecting statuses with a Location redirect") {
    CHECK(*redirect_location(302, {{"LOCATION", "/x"}}) == "/x");
    CHECK_FALSE(redirect_location(302, {{"X", "/x"}}));
    CHECK_FALSE(redirect_location(302, {{"Location", ""}}));
    for (const std::uint32_t status : {200u, 201u, 300u, 304u, 305u, 306u, 404u})
        CHECK_FALSE(redirect_location(status, {{"Location", "/x"}}));
}
