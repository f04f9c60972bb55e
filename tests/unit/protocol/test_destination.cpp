#include <doctest/doctest.h>

#include "protocol/probes/destination.hpp"

using namespace edge;

namespace {

struct Row {
    const char* url;
    const char* host;  // empty: only the worker can say
    std::uint16_t port;
    bool is_address;
};

}  // namespace

TEST_CASE("the destination of a URL is its host and port, whatever its spelling") {
    const Row rows[] = {
        {"http://Example.TEST/x", "example.test", 80, false},
        {"https://example.test.", "example.test", 443, false},
        {"HTTPS://example.test:8443?q", "example.test", 8443, false},
        {"http://192.0.2.1:81#f", "192.0.2.1", 81, true},
        {"http://[2001:DB8::0:1]:8080/", "2001:db8::1", 8080, true},
        {"http://[2001:db8::1]", "2001:db8::1", 80, true},
        {"http://192.0.2.1:", "192.0.2.1", 80, true},
        {"http://user@192.0.2.1/", "", 0, false},
        {"http://%31%39%32.0.2.1/", "", 0, false},
        {"http://192.0.2.1\\@198.51.100.1/", "", 0, false},
        {"http://[2001:db8::1/", "", 0, false},
        {"http://192.0.2.1:99999/", "", 0, false},
        {"http://:80/", "", 0, false},
        {"http:", "", 0, false},
    };
    for (const Row& row : rows) {
        CAPTURE(row.url);
        HttpSpec spec;
        spec.target = row.url;
        const auto found = destination_of(spec);
        REQUIRE(found.has_value() == (row.host[0] != '\0'));
        if (!found) continue;
        CHECK(found->host == row.host);
        CHECK(found->port == row.port);
        CHECK(found->address.has_value() == row.is_address);
    }
}

TEST_CASE("connect_to, a DNS server and a ping's target are destinations; the line's own resolver is none") {
    HttpSpec http;
    http.target = "https://example.test/";
    http.connect_to = "192.0.2.7";
    CHECK(destination_of(http)->host == "192.0.2.7");
    CHECK(destination_of(http)->port == 443);

    DnsSpec dns;
    dns.target = "example.test";
    CHECK_FALSE(destination_of(dns));
    dns.server = "192.0.2.53";
    dns.port = 5353;
    CHECK(destination_of(dns)->address == IpAddress::parse("192.0.2.53").value());
    CHECK(destination_of(dns)->port == 5353);

    PingSpec ping;
    ping.target = "Example.test.";
    CHECK(destination_of(ping)->host == "example.test");
    CHECK_FALSE(destination_of(ping)->port);
}
