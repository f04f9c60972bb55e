#include "agent/link/endpoint.hpp"

#include <doctest/doctest.h>

using namespace edge;
using namespace edge::agent;

TEST_CASE("a broker's URL is a host and a port") {
    struct Case {
        const char* url;
        const char* authority;  // empty: refused
    };
    static constexpr Case kCases[] = {
        {"https://broker.example:7443", "broker.example:7443"},
        {"https://broker.example/", "broker.example:443"},
        {"https://192.0.2.1:7443", "192.0.2.1:7443"},
        {"https://[2001:db8::1]:7443", "[2001:db8::1]:7443"},
        {"http://broker.example", ""},
        {"https://", ""},
        {"https://broker.example:0", ""},
        {"https://broker.example:70000", ""},
        {"https://broker.example:7443/path", ""},
        {"https://user@broker.example", ""},
        {"https://bro\r\nker", ""},
        {"https://[192.0.2.1]:7443", ""},
        {"https://[2001:db8::1", ""},
    };
    for (const Case& one : kCases) {
        CAPTURE(one.url);
        const auto endpoint = parse_broker_url(one.url);
        CHECK((endpoint ? endpoint.value().authority() : "") == one.authority);
    }
}

TEST_CASE("a broker of the configuration has the pin of the enrolment, or its own") {
    const Digest joined{1};
    const Digest own{2};
    CHECK(parse_broker("https://[2001:db8::1]:7443", joined).value().pin == joined);
    CHECK(parse_broker("https://b:7443#pin=" + pin_text(own), joined).value().pin == own);
    CHECK(parse_broker("https://b:7443#pin=" + pin_text(own), joined).value().authority() == "b:7443");
    for (const char* text : {"https://b#", "https://b#sha256:AA", "https://b#pin=AA", "https://b#pin=sha256:AAAA"}) {
        CAPTURE(text);
        CHECK(!parse_broker(text, joined));
    }
}

TEST_CASE("a token gives the pin in its last part") {
    const std::string pin = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA_-8";
    const auto token = parse_join_token("edgej_id.secret." + pin);
    REQUIRE(token);
    CHECK(token.value().pin[30] == 0xFF);
    CHECK(token.value().pin[31] == 0xEF);
    CHECK(pin_text(token.value().pin) == "sha256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA/+8=");
    CHECK(parse_pin(pin_text(token.value().pin)).value() == token.value().pin);
}

TEST_CASE("what is no token is refused") {
    for (const char* text :
         {"", "edgej_", "edgej_a.b", "edgej_a.b.c", "edgep_a.b.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
          "edgej_a.b.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
          "edgej_a.b.c.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}) {
        CAPTURE(text);
        CHECK(!parse_join_token(text));
    }
}
