#include "agent/health/prefix_lines.hpp"

#include <doctest/doctest.h>

using namespace edge;
using namespace edge::agent;

namespace {

std::vector<std::optional<Origin>> find(std::string_view text, std::vector<const char*> addresses,
                                        std::size_t piece = 7) {
    std::vector<IpAddress> wanted;
    for (const char* address : addresses) wanted.push_back(IpAddress::parse(address).value());
    PrefixLines lines("p.txt", std::move(wanted));
    for (; !text.empty(); text.remove_prefix(std::min(piece, text.size()))) lines.push(text.substr(0, piece));
    lines.finish();
    CHECK(lines.problems().empty());
    return lines.found();
}

}  // namespace

TEST_CASE("the longest prefix that holds an address tells its origin, in whatever order and pieces they come") {
    constexpr std::string_view kText =
        "# of my own\n"
        "203.0.113.0/25 AS9808 cm   # a part of it\r\n"
        "203.0.113.0/24 4134 ct\n"
        "\n"
        "0.0.0.0/0 AS64500\n"
        "2001:db8:1::/48\tAS4837\tcu\n"
        "203.0.113.200 AS64501";
    for (const std::size_t piece : {1u, 7u, 4096u}) {
        const auto found =
            find(kText, {"203.0.113.7", "203.0.113.130", "203.0.113.200", "8.8.8.8", "2001:db8:1::7", "2001:db8:2::7"},
                 piece);
        CHECK(found[0]->text() == "AS9808 cm");
        CHECK(found[1]->text() == "AS4134 ct");
        CHECK(found[2]->text() == "AS64501");
        CHECK(found[3]->text() == "AS64500");
        CHECK(found[4]->text() == "AS4837 cu");
        CHECK(!found[5]);
    }
}

TEST_CASE("a bad line is said with its number and what is wrong; good ones count all the same") {
    struct Case {
        const char* line;
        const char* said;
    };
    static constexpr Case kCases[] = {
        {"203.0.113.0/33 AS1", "203.0.113.0/33: expected a prefix length of 0 to 32"},
        {"203.0.113.1/24 AS1", "203.0.113.1/24: "},
        {"example.com AS1", "example.com: "},
        {"203.0.113.0/24", "expected PREFIX ASN [CARRIER], as 203.0.113.0/24 AS4134 ct"},
        {"203.0.113.0/24 ct", "expected PREFIX ASN [CARRIER]"},
        {"203.0.113.0/24 AS0", "expected PREFIX ASN [CARRIER]"},
        {"203.0.113.0/24 AS4294967296", "expected PREFIX ASN [CARRIER]"},
        {"203.0.113.0/24 AS1 China", "a carrier is at most 15"},
        {"203.0.113.0/24 AS1 ct more", "more than PREFIX ASN [CARRIER]"},
    };
    for (const Case& one : kCases) {
        SUBCASE(one.line) {
            PrefixLines lines("p.txt", {IpAddress::parse("8.8.8.8").value()});
            lines.push("8.8.8.0/24 AS15169\n" + std::string(one.line) + "\n");
            lines.finish();
            REQUIRE(lines.problems().size() == 1);
            const std::string said = lines.problems()[0].message();
            CHECK_MESSAGE(said.starts_with("p.txt:2: " + std::string(one.said)), said);
            CHECK(lines.found()[0]->asn == 15169);
        }
    }
}

TEST_CASE("a line without an end is not kept, and after twenty bad ones the rest is not looked at") {
    PrefixLines endless("p.txt", {});
    for (int i = 0; i < 1000; ++i) endless.push(std::string(1000, 'x'));
    endless.push("\n8.8.8.0/24 AS1\n");
    endless.finish();
    REQUIRE(endless.problems().size() == 1);
    CHECK(endless.problems()[0].message() == "p.txt:1: a line is at most 256 bytes");

    PrefixLines hopeless("p.txt", {});
    for (int i = 0; i < 1000; ++i) hopeless.push("nonsense\n");
    CHECK(hopeless.problems().size() == 20);
}

TEST_CASE("a file has at most a million lines") {
    PrefixLines lines("p.txt", {});
    std::string thousand;
    for (int i = 0; i < 1000; ++i) thousand += "#\n";
    for (int i = 0; i < 1000; ++i) lines.push(thousand);
    CHECK(lines.problems().empty());
    lines.push("#\n");
    REQUIRE(lines.problems().size() == 1);
    CHECK(lines.problems()[0].where == "p.txt:1000001");
}
