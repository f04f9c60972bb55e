#include <doctest/doctest.h>

#include "protocol/targets/special_ranges.hpp"
#include "tests/unit/protocol/targets/addresses.hpp"

using namespace edge;

TEST_CASE("every address that is not for everybody lies in a built-in range") {
    for (const char* text : {
             "0.0.0.0",
             "0.1.2.3",
             "10.0.0.1",
             "10.255.255.255",
             "100.64.0.1",
             "100.127.255.254",
             "100.100.100.200",
             "127.0.0.1",
             "127.255.255.255",
             "168.63.129.16",
             "169.254.0.1",
             "169.254.169.254",
             "172.16.0.1",
             "172.31.255.255",
             "192.0.0.1",
             "192.0.0.192",
             "192.0.2.1",
             "192.88.99.1",
             "192.168.0.1",
             "198.18.0.1",
             "198.19.255.255",
             "198.51.100.1",
             "203.0.113.9",
             "224.0.0.1",
             "239.255.255.255",
             "240.0.0.1",
             "255.255.255.255",
             // P2: IPv6, and IPv4 inside it
             "::",
             "::1",
             "::7f00:1",
             "::ffff:127.0.0.1",
             "::ffff:8.8.8.8",
             "::ffff:169.254.169.254",
             "64:ff9b::a9fe:a9fe",
             "64:ff9b::808:808",
             "64:ff9b:1::1",
             "100::1",
             "2001::1",
             "2001:0:a00:1::1",
             "2001:2::1",
             "2001:10::1",
             "2001:20::1",
             "2001:db8::1",
             "2002::1",
             "2002:7f00:1::1",
             "2002:808:808::1",
             "3fff::1",
             "3fff:fff:ffff::1",
             "4000::1",
             "5f00::1",
             "fc00::1",
             "fd00:ec2::254",
             "fdff::1",
             "fe80::1",
             "febf::1",
             "fec0::1",
             "feff::1",
             "ff02::1",
             "ff0e::1",
             "::a:b:c:d:e",
             "1::1",
             "1fff::1",
             "e000::1",
         }) {
        CAPTURE(std::string(text));
        CHECK(special_range(ip(text)));
    }
}

TEST_CASE("addresses of the internet lie in none") {
    for (const char* text : {"1.1.1.1",
                             "8.8.8.8",
                             "9.255.255.255",
                             "11.0.0.0",
                             "100.63.255.255",
                             "100.128.0.0",
                             "126.255.255.255",
                             "128.0.0.1",
                             "169.253.255.255",
                             "172.15.255.255",
                             "172.32.0.0",
                             "192.0.1.0",
                             "192.0.3.0",
                             "192.167.255.255",
                             "192.169.0.0",
                             "198.17.255.255",
                             "198.20.0.0",
                             "223.255.255.255",
                             "2001:4860:4860::8888",
                             "2400:3200::1",
                             "2606:4700::1111",
                             "2003::1",
                             "3ffe::1",
                             "2001:200::1"}) {
        CAPTURE(std::string(text));
        CHECK_FALSE(special_range(ip(text)));
    }
}

TEST_CASE("the narrowest range names an address") {
    CHECK(special_range(ip("169.254.169.254"))->what == "a cloud's metadata service");
    CHECK(special_range(ip("fd00:ec2::254"))->what == "a cloud's metadata service");
    CHECK(special_range(ip("::ffff:1.2.3.4"))->what == "an IPv4-mapped address");
    CHECK(special_range(ip("4000::1"))->what == "outside 2000::/3");
}

TEST_CASE("IPv4 inside IPv6 is found where packets would go") {
    struct Row {
        const char* v6;
        std::vector<const char*> v4;
    };
    const Row rows[] = {
        {"::ffff:169.254.169.254", {"169.254.169.254"}},
        {"::7f00:1", {"127.0.0.1"}},
        {"64:ff9b::a9fe:a9fe", {"169.254.169.254"}},
        {"64:ff9b:1::a00:1", {"10.0.0.1"}},
        {"2002:7f00:1::5", {"127.0.0.1"}},
        {"2001:0:a00:1:0:0:80ff:fffe", {"10.0.0.1", "127.0.0.1"}},  // Teredo: server, and client with its bits flipped
        {"2400:1::5efe:10.0.0.1", {"10.0.0.1"}},                    // ISATAP
        {"2400:1::200:5efe:10.0.0.1", {"10.0.0.1"}},
        {"2400:3200::1", {}},
        {"::1", {}},
        {"::", {}},
        {"10.0.0.1", {}},
    };
    for (const Row& row : rows) {
        CAPTURE(std::string(row.v6));
        std::vector<IpAddress> expected;
        for (const char* v4 : row.v4) expected.push_back(ip(v4));
        CHECK(embedded_v4(ip(row.v6)) == expected);
    }
}
