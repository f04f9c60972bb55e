#include <doctest/doctest.h>

#include "protocol/ip.hpp"

using namespace edge;

TEST_CASE("an address comes back in the form of RFC 5952") {
    struct Case {
        std::string in;
        std::string out;
    };
    for (const auto& [in, out] : {
             Case{"192.0.2.1", "192.0.2.1"},
             Case{"0.0.0.0", "0.0.0.0"},
             Case{"255.255.255.255", "255.255.255.255"},
             Case{"2001:0DB8:0000:0000:0000:0000:0000:0001", "2001:db8::1"},
             Case{"::", "::"},
             Case{"::1", "::1"},
             Case{"2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"},
             Case{"2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"},
             Case{"::ffff:192.0.2.1", "::ffff:192.0.2.1"},
             Case{"fd64:1::2", "fd64:1::2"},
         }) {
        CAPTURE(in);
        const auto address = IpAddress::parse(in);
        REQUIRE(address);
        CHECK(address.value().text() == out);
        CHECK(IpAddress::parse(out).value() == address.value());
    }
}

TEST_CASE("short forms, zones, brackets, ports and near misses are no addresses") {
    for (const std::string bad : {"",
                                  "1",
                                  "127.1",
                                  "1.2.3",
                                  "1.2.3.4.5",
                                  "1.2.3.256",
                                  "1.2.3.-4",
                                  "01.2.3.4",
                                  "1.2.3.4 ",
                                  " 1.2.3.4",
                                  "0x7f.0.0.1",
                                  "2130706433",
                                  "1.2.3.4:80",
                                  "[::1]",
                                  "fe80::1%eth0",
                                  ":::",
                                  "1::2::3",
                                  "12345::",
                                  "::1.2.3",
                                  "::g",
                                  "1:2:3:4:5:6:7",
                                  "1:2:3:4:5:6:7:8:9",
                                  "１.2.3.4",
                                  "localhost"}) {
        CAPTURE(bad);
        const auto address = IpAddress::parse(bad);
        REQUIRE_FALSE(address);
        CHECK(address.error().code == Errc::bad_value);
    }
    CHECK_FALSE(IpAddress::parse(std::string_view("1.2.3.4\0", 8)));
    CHECK_FALSE(IpAddress::parse(std::string(100'000, ':')));
}

TEST_CASE("a prefix has its host bits zero and a length of plain digits") {
    for (const std::string good :
         {"0.0.0.0/0", "192.0.2.0/24", "192.0.2.128/25", "192.0.2.1/32", "::/0", "2001:db8::/32", "2001:db8::1/128"}) {
        CAPTURE(good);
        REQUIRE(IpPrefix::parse(good));
        CHECK(IpPrefix::parse(good).value().text() == good);
    }
    CHECK(IpPrefix::parse("192.0.2.1").value().text() == "192.0.2.1/32");
    CHECK(IpPrefix::parse("::1").value().text() == "::1/128");
    for (const std::string bad : {"", "/", "/8", "192.0.2.0/", "192.0.2.0/33", "192.0.2.1/24", "::/129",
                                  "2001:db8::1/64", "192.0.2.0/-1", "192.0.2.0/+24", "192.0.2.0/24 ", "192.0.2.0/2 4",
                                  "192.0.2.0/024", "192.0.2.0/24/24", "192.0.2.0/4294967320", "192.0.2.0/0x18"}) {
        CAPTURE(bad);
        CHECK_FALSE(IpPrefix::parse(bad));
    }
}

TEST_CASE("a prefix holds what its bits say, of its own family only") {
    struct Case {
        std::string prefix;
        std::string address;
        bool inside;
    };
    for (const auto& [prefix, address, inside] : {
             Case{"0.0.0.0/0", "8.8.8.8", true},
             Case{"0.0.0.0/0", "::1", false},
             Case{"::/0", "1.2.3.4", false},
             Case{"192.0.2.0/24", "192.0.2.255", true},
             Case{"192.0.2.0/24", "192.0.3.0", false},
             Case{"198.18.0.0/15", "198.19.255.255", true},
             Case{"198.18.0.0/15", "198.20.0.0", false},
             Case{"192.0.2.1/32", "192.0.2.1", true},
             Case{"192.0.2.1/32", "192.0.2.0", false},
             Case{"2001:db8::/33", "2001:db8:7fff::1", true},
             Case{"2001:db8::/33", "2001:db8:8000::1", false},
             Case{"::1/128", "::1", true},
             Case{"::1/128", "::", false},
             // An IPv4-mapped address is IPv6 here; whoever denies IPv4 ranges denies ::ffff:0:0/96 too.
             Case{"127.0.0.0/8", "::ffff:127.0.0.1", false},
             Case{"::ffff:0:0/96", "::ffff:127.0.0.1", true},
         }) {
        CAPTURE(prefix);
        CAPTURE(address);
        CHECK(IpPrefix::parse(prefix).value().contains(IpAddress::parse(address).value()) == inside);
    }
}
