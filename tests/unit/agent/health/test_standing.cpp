#include "agent/health/standing.hpp"

#include <doctest/doctest.h>

#include "protocol/json/described.hpp"
#include "tests/unit/agent/workers/line_infos.hpp"

using namespace edge;
using namespace edge::agent;
using link::CheckState;
using link::Identity;
using link::LineState;

namespace {

Check check_of(What what, CheckState state, const char* target = "192.0.2.1") {
    Check check;
    check.what = what;
    check.target = target;
    check.state = state;
    check.text = "timeout";
    return check;
}

WatchedLine watched(std::vector<Check> checks = {}) {
    WatchedLine one;
    one.line = line_from(line_info(0, "telecom")).value();
    one.expected = "ct";
    one.checks = std::move(checks);
    return one;
}

}  // namespace

TEST_CASE("what is known of a line comes to a state, a reason and whether it takes work") {
    constexpr auto good = CheckState::ok, bad = CheckState::failed, open = CheckState::unknown;
    struct Case {
        const char* name;
        std::vector<Check> checks;
        LineState state;
        const char* reason;
    };
    const Case cases[] = {
        {"nothing was asked yet", {}, LineState::up, ""},
        {"all is well", {check_of(What::route, good), check_of(What::anchor, good)}, LineState::up, ""},
        {"no route", {check_of(What::route, bad)}, LineState::down, "no route to 192.0.2.1 (timeout)"},
        {"a route of one family",
         {check_of(What::route, bad), check_of(What::route, good)},
         LineState::degraded,
         "no route to 192.0.2.1 (timeout)"},
        {"a resolver is silent",
         {check_of(What::gateway, good), check_of(What::resolver, bad), check_of(What::anchor, good)},
         LineState::degraded,
         "resolver 192.0.2.1 does not answer: timeout"},
        {"two are silent",
         {check_of(What::resolver, bad), check_of(What::anchor, bad), check_of(What::anchor, good)},
         LineState::degraded,
         "resolver 192.0.2.1 does not answer: timeout; and 1 more"},
        {"nothing answers",
         {check_of(What::resolver, bad), check_of(What::anchor, bad), check_of(What::egress, bad)},
         LineState::down,
         "resolver 192.0.2.1 does not answer: timeout; and 2 more"},
        {"an anchor may yet answer",
         {check_of(What::resolver, bad), check_of(What::anchor, bad), check_of(What::anchor, open)},
         LineState::degraded,
         "resolver 192.0.2.1 does not answer: timeout; and 1 more"},
        {"the broker answers over it",
         {check_of(What::anchor, bad), check_of(What::egress, good)},
         LineState::degraded,
         "anchor 192.0.2.1 does not answer: timeout"},
        {"only the broker's echo is away",
         {check_of(What::anchor, good), check_of(What::egress, bad)},
         LineState::up,
         ""},
        {"resolvers alone take no line down",
         {check_of(What::gateway, good), check_of(What::resolver, bad)},
         LineState::degraded,
         "resolver 192.0.2.1 does not answer: timeout"},
        {"without anchors, gateway and resolvers do",
         {check_of(What::gateway, bad), check_of(What::resolver, bad)},
         LineState::down,
         "gateway 192.0.2.1 does not answer: timeout; and 1 more"},
        {"what policy forbids to ask says nothing",
         {check_of(What::gateway, open), check_of(What::anchor, open), check_of(What::resolver, open)},
         LineState::up,
         ""},
    };
    for (const Case& one : cases) {
        SUBCASE(one.name) {
            const Standing standing = standing_of(watched(one.checks));
            CHECK(enum_text(standing.state) == enum_text(one.state));
            CHECK(standing.reason == one.reason);
            CHECK(standing.takes_work == (one.state != LineState::down));
        }
    }
}

TEST_CASE("link and addresses stand above what was asked") {
    auto one = watched({check_of(What::anchor, CheckState::ok)});
    one.line.absent = {"100.64.1.2"};
    CHECK(standing_of(one).state == LineState::down);
    CHECK(standing_of(one).reason == "address 100.64.1.2 is not on wan0");
    one.line.report.addresses.push_back("fd64:1::2");
    CHECK(standing_of(one).state == LineState::degraded);
    one.line = line_from(line_info(0, "telecom", false)).value();
    CHECK(standing_of(one).state == LineState::down);
    CHECK(standing_of(one).reason == "no carrier on the device");
    one.disabled = true;
    CHECK(standing_of(one).state == LineState::disabled);
    CHECK(!standing_of(one).takes_work);
}

TEST_CASE("a line that leaves by another network than it should is a mismatch, and degraded") {
    struct Case {
        const char* name;
        const char* expected;
        std::vector<Egress> egress;
        Identity identity;
        const char* reason;
    };
    const Origin telecom{4134, "ct"}, mobile{9808, "cm"}, nameless{4134, ""};
    const Case cases[] = {
        {"nothing is known", "ct", {}, Identity::unknown, ""},
        {"the carrier", "ct", {{"203.0.113.7", telecom}}, Identity::match, ""},
        {"another",
         "ct",
         {{"203.0.113.7", mobile}},
         Identity::mismatch,
         "should leave by ct, leaves by AS9808 cm as 203.0.113.7"},
        {"one family of two",
         "ct",
         {{"203.0.113.7", telecom}, {"2001:db8::7", mobile}},
         Identity::mismatch,
         "should leave by ct, leaves by AS9808 cm as 2001:db8::7"},
        {"the number", "AS4134", {{"203.0.113.7", nameless}}, Identity::match, ""},
        {"another number",
         "AS9808",
         {{"203.0.113.7", nameless}},
         Identity::mismatch,
         "should leave by AS9808, leaves by AS4134 as 203.0.113.7"},
        {"the file names no carrier", "ct", {{"203.0.113.7", nameless}}, Identity::unknown, ""},
        {"no prefix holds it", "ct", {{"203.0.113.7", std::nullopt}}, Identity::unknown, ""},
        {"nothing is expected", "", {{"203.0.113.7", mobile}}, Identity::unknown, ""},
    };
    for (const Case& one : cases) {
        SUBCASE(one.name) {
            auto line = watched();
            line.expected = one.expected;
            std::ranges::copy(one.egress, line.egress.begin());
            const Standing standing = standing_of(line);
            CHECK(enum_text(standing.health->identity) == enum_text(one.identity));
            CHECK(standing.reason == one.reason);
            if (one.identity == Identity::mismatch)  // it names the stranger, also beside a family that is right
                CHECK(standing.reason.find("leaves by " + standing.health->origin) != std::string::npos);
            CHECK(standing.takes_work);
            CHECK((standing.state == LineState::degraded) == (one.identity == Identity::mismatch));
        }
    }
}
