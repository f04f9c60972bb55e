#include <doctest/doctest.h>

#include "agent/launcher/lines/device_plan.hpp"
#include "tests/unit/protocol/targets/addresses.hpp"

using namespace edge;
using namespace edge::launcher;

namespace {

std::vector<Line> mobile() {
    Line line;
    line.name = "mobile";
    line.kind = LineKind::macvlan;
    line.device = "edge-mobile";
    line.parent = "eth0";
    line.mac = MacAddress::parse("02:00:5e:10:00:01").value();
    line.addresses = {LineAddress(ip("100.64.3.2"), 24), LineAddress(ip("fd64:3::2"), 64)};
    return {line};
}

const Device kParent{2, true, true, {}};

Device ours(std::vector<Device::Assigned> addresses) {
    return {9, true, true, std::move(addresses), true};
}

}  // namespace

TEST_CASE("a macvlan is made on its parent, and not before that is there") {
    CHECK(device_changes(mobile(), {}, {}).empty());
    const auto changes = device_changes(mobile(), {{"eth0", kParent}}, {});
    CHECK(changes.remove.empty());
    CHECK(changes.make == std::vector<NewDevice>{{"edge-mobile", 2, mobile()[0].mac}});
    CHECK(changes.assign.empty());
}

TEST_CASE("its addresses are put on it, and those that are there are left") {
    const Devices devices{{"eth0", kParent}, {"edge-mobile", ours({{ip("100.64.3.2"), 24}, {ip("100.64.3.9"), 24}})}};
    const auto changes = device_changes(mobile(), devices, {{"edge-mobile", 2}});
    CHECK(changes.remove.empty());
    CHECK(changes.make.empty());
    CHECK(changes.assign == std::vector<NewAddress>{{9, {ip("fd64:3::2"), 64}}});
}

TEST_CASE("where all stands nothing is changed") {
    const Devices devices{{"eth0", kParent}, {"edge-mobile", ours({{ip("100.64.3.2"), 24}, {ip("fd64:3::2"), 64}})}};
    CHECK(device_changes(mobile(), devices, {{"edge-mobile", 2}}).empty());
}

TEST_CASE("a device of ours that nobody wants, or that a crash left, or that stands on another parent, goes") {
    const Devices devices{{"eth0", kParent}, {"edge-mobile", ours({})}};
    struct {
        const char* why;
        std::vector<Line> lines;
        MadeOn made_on;
        std::size_t made;
    } const kCases[] = {
        {"nobody's", {}, {{"edge-mobile", 2}}, 0},
        {"a crash's", mobile(), {}, 1},
        {"its parent was renamed, and another has the name", mobile(), {{"edge-mobile", 1}}, 1},
    };
    for (const auto& one : kCases) {
        CAPTURE(one.why);
        const auto changes = device_changes(one.lines, devices, one.made_on);
        CHECK(changes.remove == std::vector<std::uint32_t>{9});
        CHECK(changes.make.size() == one.made);
    }
}

TEST_CASE("one of ours that was up and is down is raised; one that never was, or is another's, is not") {
    Device down = ours({{ip("100.64.3.2"), 24}, {ip("fd64:3::2"), 64}});
    down.up = down.carrier = false;
    Device theirs = down;
    theirs.made = false;
    const MadeOn made_on{{"edge-mobile", 2}};
    const std::map<std::string, std::uint32_t> it{{"edge-mobile", 9}};
    struct {
        const char* why;
        Device device;
        std::set<std::uint32_t> stood;
        bool raised;
    } const kCases[] = {
        {"put down", down, {9}, true},
        {"half-made", down, {}, false},
        {"half-made, in the place of one that stood", down, {8}, false},
        {"somebody else's", theirs, {9}, false},
        {"up", ours(down.addresses), {9}, false},
    };
    for (const auto& one : kCases) {
        CAPTURE(one.why);
        const auto changes =
            device_changes(mobile(), {{"eth0", kParent}, {"edge-mobile", one.device}}, made_on, one.stood);
        CHECK(changes.empty() != one.raised);
        CHECK((changes.raise == it) == one.raised);
    }
    down.addresses.pop_back();  // IPv6 takes its addresses away with it
    const auto changes = device_changes(mobile(), {{"eth0", kParent}, {"edge-mobile", down}}, made_on, {9});
    CHECK(changes.raise == it);
    CHECK(changes.assign.size() == 1);
    CHECK(device_changes({}, {{"edge-mobile", down}}, made_on, {9}).raise.empty());  // nobody's: it goes
}

TEST_CASE("a device that somebody else made is never removed, and nothing is put on it") {
    Device theirs = ours({});
    theirs.made = false;
    CHECK(device_changes(mobile(), {{"eth0", kParent}, {"edge-mobile", theirs}}, {{"edge-mobile", 2}}).empty());
    CHECK(device_changes({}, {{"eth0", kParent}, {"edge-mobile", theirs}}, {}).empty());
}

TEST_CASE("a line's device is the one of its name; under a macvlan's name only one that we made") {
    const auto macvlan = mobile()[0];
    Line plain = macvlan;
    plain.kind = LineKind::device;
    Device theirs = ours({});
    theirs.made = false;
    const Devices made{{"eth0", kParent}, {"edge-mobile", ours({})}}, taken{{"eth0", kParent}, {"edge-mobile", theirs}};
    CHECK(device_of(macvlan, made) == &made.at("edge-mobile"));
    CHECK(device_of(macvlan, taken) == nullptr);
    CHECK(device_of(plain, taken) == &taken.at("edge-mobile"));
    CHECK(device_of(macvlan, {{"eth0", kParent}}) == nullptr);
    CHECK(device_of(plain, {{"eth0", kParent}}) == nullptr);
}
