#include "agent/link/proxy.hpp"

#include <doctest/doctest.h>

using namespace edge;
using namespace edge::agent;

TEST_CASE("a proxy's URL is where it is, and who asks") {
    struct Case {
        const char* url;
        Proxy expected;
    };
    const Case cases[] = {
        {"http://proxy", {false, "proxy", "3128", "", ""}},
        {"http://proxy.example:8080/", {false, "proxy.example", "8080", "", ""}},
        {"https://proxy.example", {true, "proxy.example", "443", "", ""}},
        {"http://[2001:db8::1]:3128", {false, "2001:db8::1", "3128", "", ""}},
        {"http://[2001:db8::1]", {false, "2001:db8::1", "3128", "", ""}},
        {"http://me:secret@proxy:3128", {false, "proxy", "3128", "me", "secret"}},
        {"http://me@proxy:3128", {false, "proxy", "3128", "me", ""}},
        {"http://me:p%40ss:w@proxy", {false, "proxy", "3128", "me", "p@ss:w"}},
    };
    for (const Case& one : cases) {
        CAPTURE(one.url);
        const auto proxy = parse_proxy_url(one.url);
        REQUIRE(proxy);
        CHECK(proxy.value().tls == one.expected.tls);
        CHECK(proxy.value().host == one.expected.host);
        CHECK(proxy.value().port == one.expected.port);
        CHECK(proxy.value().user == one.expected.user);
        CHECK(proxy.value().password == one.expected.password);
    }
}

TEST_CASE("what is no proxy's URL is refused, and its password is not repeated") {
    for (const char* url :
         {"", "proxy:3128", "socks5://proxy", "http://", "http://:secret@proxy", "http://a:secret%4@proxy",
          "http://a:secret%0d%0a@proxy", "http://a%3ab:secret@proxy", "http://a:secret@proxy/path", "http://proxy:0"}) {
        CAPTURE(url);
        const auto proxy = parse_proxy_url(url);
        REQUIRE(!proxy);
        CHECK(proxy.error().message().find("secret") == std::string::npos);
    }
}

TEST_CASE("a tunnel is asked for as RFC 9110 says, with Basic where there is a user") {
    CHECK(connect_request({false, "p", "1", "", ""}, "b:7443") ==
          "CONNECT b:7443 HTTP/1.1\r\nHost: b:7443\r\nUser-Agent: edge-agent/" EDGE_VERSION "\r\n\r\n");
    CHECK(connect_request({false, "p", "1", "Aladdin", "open sesame"}, "b:7443")
              .find("\r\nProxy-Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n") != std::string::npos);
}

TEST_CASE("a proxy's answer is a tunnel, an error that says what to do, or not there yet") {
    struct Case {
        std::string answer;
        const char* said;  // nullptr: no answer yet; empty: a tunnel
    };
    const Case cases[] = {
        {"", nullptr},
        {"HTT", nullptr},
        {"HTTP/1.1 200 OK\r\nVia: x\r\n", nullptr},
        {"HTTP/1.1 200 Connection established\r\n\r\n", ""},
        {"HTTP/1.0 200 OK\r\nContent-Length: 7\r\n\r\n", ""},
        {"HTTP/1.1 407 Auth\r\n\r\n", "HTTP 407: it wants another user or password"},
        {"HTTP/1.1 403 No\r\n\r\nbody", "HTTP 403: it allows no tunnel"},
        {"HTTP/1.1 502 Bad\r\n\r\n", "HTTP 502: it does not reach the broker"},
        {"HTTP/1.1 404 Not Found\r\n\r\n", "HTTP 404 to CONNECT; is that a proxy?"},
        {"HTTP/1.1 200 OK\r\n\r\n\x16\x03", "it speaks before"},
        {"HTTP/1.1 2x0 OK\r\n\r\n", "does not answer as an HTTP proxy"},
        {"HTTP/1.1200 OK\r\n\r\n", "does not answer as an HTTP proxy"},
        {"SSH-2.0-OpenSSH\r\n", "does not answer as an HTTP proxy"},
        {"HTTP/1.1 200 OK\r\n" + std::string(kMostProxyAnswer, 'x'), "no end within 8 KiB"},
    };
    for (const Case& one : cases) {
        CAPTURE(one.answer.substr(0, 60));
        const auto verdict = proxy_answer(one.answer);
        REQUIRE(verdict.has_value() == (one.said != nullptr));
        if (!verdict) continue;
        CHECK(static_cast<bool>(*verdict) == (*one.said == '\0'));
        if (!*verdict) CHECK(verdict->error().detail.find(one.said) != std::string::npos);
    }
}
