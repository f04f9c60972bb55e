#include <doctest/doctest.h>

#include "protocol/targets/target_port.hpp"

using namespace edge;

TEST_CASE("an address and port come back as they were written") {
    for (const std::string text : {"192.0.2.1:443", "[2001:db8::1]:65535", "[::ffff:192.0.2.1]:1"}) {
        CAPTURE(text);
        const auto target = TargetPort::parse(text);
        REQUIRE(target);
        CHECK(target.value().text() == text);
    }
    CHECK(TargetPort::parse("[2001:DB8:0::1]:80").value() == TargetPort{IpAddress::parse("2001:db8::1").value(), 80});
}

TEST_CASE("what is not both is refused") {
    for (const std::string text : {"", ":", "192.0.2.1", "192.0.2.1:", ":443", "192.0.2.1:0", "192.0.2.1:0443",
                                   "192.0.2.1:65536", "192.0.2.1:80x", "192.0.2.1:-1", "[192.0.2.1]:80",
                                   "2001:db8::1:80", "[2001:db8::1]", "[]:80", "[2001:db8::1:80", "a.test:80"}) {
        CAPTURE(text);
        CHECK_FALSE(TargetPort::parse(text));
    }
}
