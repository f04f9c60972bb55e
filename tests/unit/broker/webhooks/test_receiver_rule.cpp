#include <doctest/doctest.h>

#include "broker/webhooks/receiver_rule.hpp"

using namespace edge;
using namespace edge::broker::webhooks;

namespace {

/// Refused as a URL, or as what it leads to.
bool is_refused(const std::string& url,
                const ReceiverRule& rule = {.allow_http = true, .ports = {}, .allow = {}, .allow_hosts = {}}) {
    const auto parsed = parse_receiver(url);
    return !parsed || rule.refusal(parsed.value()).has_value();
}

}  // namespace

TEST_CASE("a URL has one spelling") {
    for (const auto& [given, text] : std::vector<std::pair<std::string, std::string>>{
             {"https://Ops.Example", "https://ops.example/"},
             {"HTTPS://ops.example:443/a?b=c", "https://ops.example/a?b=c"},
             {"https://ops.example:8443?x", "https://ops.example:8443/?x"},
             {"https://[2001:DB8:0::1]/", "https://[2001:db8::1]/"},
             {"http://198.51.100.1:80/", "http://198.51.100.1/"}}) {
        const auto parsed = parse_receiver(given);
        CAPTURE(given);
        REQUIRE(parsed);
        CHECK(parsed.value().text == text);
    }
    CHECK(!is_refused("https://ops.example/edge"));
    CHECK(!is_refused("https://1.1.1.1/"));
}

TEST_CASE("every spelling of an address that is nobody's business is refused") {
    for (const char* url : {"https://127.0.0.1/",
                            "https://2130706433/",
                            "https://0x7f.1/",
                            "https://0x7f000001/",
                            "https://0177.0.0.1/",
                            "https://017700000001/",
                            "https://127.1/",
                            "https://0/",
                            "https://1.1/",
                            "https://127.0.0.1./",
                            "https://127.0.0.1%00.example/",
                            "https://%31%32%37.0.0.1/",
                            "https://user@127.0.0.1/",
                            "https://ops.example@127.0.0.1/",
                            "https://ops.example:80@10.0.0.1/",
                            "https://[::1]/",
                            "https://[::ffff:127.0.0.1]/",
                            "https://[::ffff:7f00:1]/",
                            "https://[::7f00:1]/",
                            "https://[64:ff9b::a9fe:a9fe]/",
                            "https://[64:ff9b:1::1]/",
                            "https://[2002:7f00:1::]/",
                            "https://[2001:0:4136:e378::1]/",
                            "https://[fec0::1]/",
                            "https://[fc00::1]/",
                            "https://[fe80::1]/",
                            "https://[fe80::1%25eth0]/",
                            "https://[3fff::1]/",
                            "https://[5f00::1]/",
                            "https://[ff02::1]/",
                            "https://169.254.169.254/latest",
                            "https://10.1.2.3/",
                            "https://172.16.0.1/",
                            "https://192.168.1.1/",
                            "https://100.64.0.1/",
                            "https://224.0.0.1/",
                            "https://255.255.255.255/",
                            "https://0.0.0.0/",
                            "https://\xe2\x91\xa0.1.1.1/",
                            "https://\xef\xbc\x91.1.1.1/",
                            "https:///127.0.0.1/",
                            "https:\\\\127.0.0.1/",
                            "https://ops.example\\@127.0.0.1/",
                            "https://",
                            "https://.example/",
                            "https://a..b/",
                            "https://ops.example:0/",
                            "https://ops.example:65536/",
                            "https://ops.example:/",
                            "file:///etc/passwd",
                            "gopher://ops.example/",
                            "//ops.example/",
                            "ops.example",
                            "https://ops.example/ a",
                            "https://ops.example/\r\nX: y",
                            "https://ops.example/#f"}) {
        CAPTURE(url);
        CHECK(is_refused(url));
    }
}

TEST_CASE("what the operator allows is allowed, and nothing beside it") {
    const ReceiverRule strict;
    CHECK(is_refused("http://ops.example/", strict));
    CHECK(is_refused("https://ops.example:8443/", strict));
    CHECK(!is_refused("https://ops.example/", strict));
    const ReceiverRule rule{.allow_http = true,
                            .ports = {80, 8'080},
                            .allow = {IpPrefix::parse("10.1.0.0/16").value()},
                            .allow_hosts = {"hooks.internal"}};
    CHECK(!is_refused("http://10.1.2.3:8080/", rule));
    CHECK(is_refused("http://10.2.2.3:8080/", rule));
    CHECK(is_refused("https://10.1.2.3/", rule));
    const auto internal = parse_receiver("http://hooks.internal/").value();
    const auto other = parse_receiver("http://hooks.example/").value();
    const auto address = IpAddress::parse("192.168.3.4").value();
    CHECK(!rule.refusal(internal, address));
    CHECK(rule.refusal(other, address));
    CHECK(!rule.refusal(other, IpAddress::parse("10.1.9.9").value()));
}
