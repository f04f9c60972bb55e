// A state of the kernel is a readable text; what the plan changes is one as well.
#include <doctest/doctest.h>

#include <algorithm>

#include "agent/launcher/lines/routing_plan.hpp"
#include "tests/unit/protocol/targets/addresses.hpp"

using namespace edge;
using namespace edge::launcher;

namespace {

Line line(const std::string& name, const char* four, const char* six, std::uint32_t number) {
    Line line;
    line.name = name;
    line.device = "wan" + std::to_string(number - 1);
    line.addresses = {ip(four)};
    if (six != nullptr) line.addresses.push_back(ip(six));
    line.gateway4 = ip("100.64.9.1");
    line.table = 100 + number;
    line.mark = 0x100 + number;
    line.routes = Routes::managed;
    return line;
}

const std::vector<Line> kLines{line("telecom", "100.64.1.2", "fd64:1::2", 1), line("unicom", "100.64.2.2", nullptr, 2)};
const Devices kDevices{{"wan0", {5, true, true, {{ip("100.64.1.2"), 24}, {ip("fd64:1::2"), 64}}}},
                       {"wan1", {6, true, true, {{ip("100.64.2.2"), 32}}}}};

template <class T>
std::string text_of(const std::vector<T>& items, const std::string& sign = "") {
    std::string all;
    for (const auto& item : items) all += sign + text_of(item) + "\n";
    return all;
}

std::string text_of(const Routing& routing) {
    return text_of(routing.rules) + text_of(routing.routes);
}

std::string text_of(const RoutingChanges& changes) {
    return text_of(changes.add_routes, "+") + text_of(changes.add_rules, "+") + text_of(changes.remove_rules, "-") +
           text_of(changes.remove_routes, "-");
}

/// `kLines` with uids, for hosts where no guard binds.
std::vector<Line> lines_with_uids() {
    auto lines = kLines;
    share_out_uids(70000, kWorkerUids, lines);
    return lines;
}

const std::string kMarkRules =
    "4 10000: from all fwmark 0x101 lookup 101\n"
    "4 10001: from all fwmark 0x101 unreachable\n"
    "6 10000: from all fwmark 0x101 lookup 101\n"
    "6 10001: from all fwmark 0x101 unreachable\n"
    "4 11000: from 100.64.1.2 lookup 101\n"
    "6 11001: from fd64:1::2 lookup 101\n"
    "4 10010: from all fwmark 0x102 lookup 102\n"
    "4 10011: from all fwmark 0x102 unreachable\n"
    "6 10010: from all fwmark 0x102 lookup 102\n"
    "6 10011: from all fwmark 0x102 unreachable\n"
    "4 11010: from 100.64.2.2 lookup 102\n";

}  // namespace

TEST_CASE("two lines want their rules in both families and their routes where they have addresses") {
    CHECK(text_of(wanted_routing(kLines, kDevices)) ==
          kMarkRules +
              "4 100.64.1.0/24 dev #5 table 101 src 100.64.1.2\n"
              "4 default via 100.64.9.1 dev #5 table 101 src 100.64.1.2\n"
              "6 fd64:1::/64 dev #5 table 101 src fd64:1::2\n"
              "6 default dev #5 table 101 src fd64:1::2\n"
              "4 default via 100.64.9.1 dev #6 table 102 src 100.64.2.2\n");
}

TEST_CASE("a line keeps its rules, and so stays closed, while there is nothing to route by") {
    SUBCASE("no device") {
        CHECK(text_of(wanted_routing(kLines, {})) == kMarkRules);
    }
    SUBCASE("device down") {
        auto down = kDevices;
        for (auto& [name, device] : down) device.up = false;
        CHECK(text_of(wanted_routing(kLines, down)) == kMarkRules);
    }
    SUBCASE("address not on the device") {
        auto bare = kDevices;
        for (auto& [name, device] : bare) device.addresses.clear();
        CHECK(text_of(wanted_routing(kLines, bare)) == kMarkRules);
    }
    SUBCASE("external routes") {
        auto external = kLines;
        for (auto& one : external) one.routes = Routes::external;
        CHECK(text_of(wanted_routing(external, kDevices)) == kMarkRules);
    }
}

TEST_CASE("every mark rule stands before every from rule, for as many lines as there may be") {
    std::vector<Line> lines;
    for (std::uint32_t i = 1; i <= 32; ++i)
        lines.push_back(line("l" + std::to_string(i), "100.64.1.2", "fd64:1::2", i));
    std::uint32_t last_mark = 0, first_from = 1'000'000;
    for (const auto& rule : wanted_routing(lines, {}).rules) {
        if (rule.from)
            first_from = std::min(first_from, rule.pref);
        else
            last_mark = std::max(last_mark, rule.pref);
    }
    CHECK(last_mark < first_from);
}

TEST_CASE("from nothing, everything is added: networks before gateways, unreachable before lookup") {
    const auto changes =
        routing_changes({}, wanted_routing({kLines[1]}, {{"wan1", {6, true, true, {{ip("100.64.2.2"), 24}}}}}));
    CHECK(text_of(changes) ==
          "+4 100.64.2.0/24 dev #6 table 102 src 100.64.2.2\n"
          "+4 default via 100.64.9.1 dev #6 table 102 src 100.64.2.2\n"
          "+4 11000: from 100.64.2.2 lookup 102\n"
          "+4 10001: from all fwmark 0x102 unreachable\n"
          "+6 10001: from all fwmark 0x102 unreachable\n"
          "+4 10000: from all fwmark 0x102 lookup 102\n"
          "+6 10000: from all fwmark 0x102 lookup 102\n");
}

TEST_CASE("to nothing, everything is removed: lookup before unreachable") {
    const auto changes = routing_changes(wanted_routing({kLines[1]}, kDevices), {});
    CHECK(text_of(changes) ==
          "-4 10000: from all fwmark 0x102 lookup 102\n"
          "-6 10000: from all fwmark 0x102 lookup 102\n"
          "-4 10001: from all fwmark 0x102 unreachable\n"
          "-6 10001: from all fwmark 0x102 unreachable\n"
          "-4 11000: from 100.64.2.2 lookup 102\n"
          "-4 default via 100.64.9.1 dev #6 table 102 src 100.64.2.2\n");
}

TEST_CASE("what is as wanted is left alone, in whatever order the kernel tells it") {
    auto actual = wanted_routing(kLines, kDevices);
    std::reverse(actual.rules.begin(), actual.rules.end());
    std::reverse(actual.routes.begin(), actual.routes.end());
    CHECK(routing_changes(actual, wanted_routing(kLines, kDevices)).empty());
}

TEST_CASE("a device that came back with another index has its routes written anew, the rules untouched") {
    auto later = kDevices;
    later.at("wan1").index = 9;
    CHECK(text_of(routing_changes(wanted_routing(kLines, kDevices), wanted_routing(kLines, later))) ==
          "+4 default via 100.64.9.1 dev #9 table 102 src 100.64.2.2\n"
          "-4 default via 100.64.9.1 dev #6 table 102 src 100.64.2.2\n");
}

TEST_CASE("uids have their rules before all `from` rules, and `unreachable` behind each") {
    const auto rules = text_of(wanted_routing(lines_with_uids(), {}, SteerBy::uid).rules);
    for (const std::string family : {"4 ", "6 "}) {
        CHECK(rules.find(family + "10002: from all uidrange 70000-70127 lookup 101\n") != std::string::npos);
        CHECK(rules.find(family + "10003: from all uidrange 70000-70127 unreachable\n") != std::string::npos);
        CHECK(rules.find(family + "10012: from all uidrange 70128-70255 lookup 102\n") != std::string::npos);
        CHECK(rules.find(family + "10013: from all uidrange 70128-70255 unreachable\n") != std::string::npos);
    }
    CHECK(text_of(wanted_routing(lines_with_uids(), {}).rules).find("uidrange") == std::string::npos);
}
