// Lines over a fake network and a fake guard: what they do about each event.
#include <doctest/doctest.h>
#include <spdlog/sinks/ostream_sink.h>

#include <sstream>

#include "agent/launcher/lines/lines.hpp"
#include "fake_network.hpp"
#include "tests/unit/protocol/targets/addresses.hpp"

using namespace edge;
using namespace edge::launcher;
using namespace edge::launcher::test;

namespace {

class FakeGuard final : public LineGuard {
  public:
    Result<> hold(const std::string& line, int, const Binding& binding, const TargetTable& targets) override {
        if (refuse) return Error{Errc::unsupported, "bpf", "refused"};
        held[line] = binding;
        allowed[line] = targets;
        return ok();
    }
    Result<> begin_traffic(const SandboxId&) override { return ok(); }
    Traffic traffic(const SandboxId&) const override { return {}; }
    void end_traffic(const SandboxId&) override {}
    Enforcement enforcement() const override { return level; }
    Enforcement level = Enforcement::bpf_guard;
    std::map<std::string, Binding> held;
    std::map<std::string, TargetTable> allowed;
    bool refuse = false;
};

struct Setting {
    Setting() {
        Line telecom;
        telecom.name = "telecom";
        telecom.device = "wan0";
        telecom.addresses = {ip("100.64.1.2")};
        telecom.gateway4 = ip("100.64.1.1");
        telecom.table = 101;
        telecom.mark = 0x101;
        telecom.routes = Routes::managed;
        lines.push_back(telecom);
    }
    void plug_in(std::uint32_t index) { network.add_device("wan0", {index, true, true, {{ip("100.64.1.2"), 24}}}); }
    Result<> bring_up(Lines& up) {
        std::vector<Fd> groups;
        groups.emplace_back();
        return up.bring_up(std::move(groups));
    }
    std::size_t routes() { return network.owned().value().routes.size(); }
    std::size_t rules() { return network.owned().value().rules.size(); }

    std::vector<Line> lines;
    Policy policy;
    FakeNetwork network;
    FakeGuard guard;
    std::ostringstream said;
    spdlog::logger log{"test", std::make_shared<spdlog::sinks::ostream_sink_st>(said)};
};

}  // namespace

TEST_CASE("a line is guarded, ruled and routed when it comes up, and leaves nothing when it goes") {
    Setting at;
    at.plug_in(7);
    {
        Lines lines(at.lines, at.policy, at.network, at.guard, at.log);
        REQUIRE(at.bring_up(lines));
        CHECK(at.guard.held["telecom"].device == 7);
        CHECK(at.rules() == 5);
        CHECK(at.routes() == 2);
        CHECK(lines.info(0).link_up == 1);
        CHECK(lines.route_get(0, ip("198.51.100.10")).value().table == 101);
    }
    CHECK(at.rules() == 0);
    CHECK(at.routes() == 0);
}

TEST_CASE("a device that is not there makes a line that is down and guarded against every socket") {
    Setting at;
    Lines lines(at.lines, at.policy, at.network, at.guard, at.log);
    REQUIRE(at.bring_up(lines));
    CHECK(at.guard.held["telecom"].device == 0);
    CHECK(at.rules() == 5);
    CHECK(at.routes() == 0);
    CHECK(lines.info(0).ifindex == 0);
    CHECK(lines.info(0).link_up == 0);
    CHECK(lines.route_get(0, ip("198.51.100.10")).value().error == ENODEV);
    CHECK(at.said.str().find("line_down line=telecom device=wan0") != std::string::npos);
    CHECK(at.said.str().find("todo=") == std::string::npos);  // its routes are ours to write

    at.plug_in(9);
    CHECK(lines.follow() == std::vector<std::uint32_t>{0});
    CHECK(at.guard.held["telecom"].device == 9);
    CHECK(at.routes() == 2);
}

TEST_CASE("what is denied later narrows the targets, and the next list takes its place") {
    Setting at;
    at.plug_in(7);
    at.policy.targets.allow = {IpPrefix::parse("203.0.113.0/24").value()};
    Lines lines(at.lines, at.policy, at.network, at.guard, at.log);
    REQUIRE(at.bring_up(lines));
    const auto verdict = [&](const char* address) {
        for (const auto& entry : at.guard.allowed["telecom"].entries)
            if (entry.prefix.length == 32 && entry.prefix.address == ip(address)) return entry.verdict;
        return TargetVerdict::allow;
    };
    REQUIRE(lines.deny({ip("203.0.113.7"), ip("2001:db8::7")}));
    CHECK(verdict("203.0.113.7") == TargetVerdict::deny);
    CHECK(lines.policy().targets.deny.size() == 2);
    CHECK(lines.policy().targets.deny[1].text() == "2001:db8::7/128");
    REQUIRE(lines.deny({ip("203.0.113.8")}));
    CHECK(verdict("203.0.113.7") == TargetVerdict::allow);
    CHECK(verdict("203.0.113.8") == TargetVerdict::deny);
    CHECK(lines.follow().empty());
    CHECK(verdict("203.0.113.8") == TargetVerdict::deny);
}

TEST_CASE("a line whose day is spent has no device, one whose month is spent has the rate; both come back") {
    Setting at;
    at.plug_in(7);
    at.policy.line.bytes_per_s = 1'000'000;
    at.policy.line.p95_bytes_per_s = 30'000;
    Lines lines(at.lines, at.policy, at.network, at.guard, at.log);
    REQUIRE(at.bring_up(lines));
    CHECK(at.guard.held["telecom"].budget.bytes_per_s == 1'000'000);
    REQUIRE(lines.allow(0, Allowance::p95));
    CHECK(at.guard.held["telecom"].budget.bytes_per_s == 29'900);
    CHECK(lines.info(0).closed == Closed::no);
    REQUIRE(lines.allow(0, Allowance::none));
    CHECK(at.guard.held["telecom"].device == 0);
    CHECK(lines.info(0).closed == Closed::day_spent);
    (void)lines.follow();
    CHECK(at.guard.held["telecom"].device == 0);
    REQUIRE(lines.allow(0, Allowance::all));
    CHECK(at.guard.held["telecom"].device == 7);
    CHECK(at.guard.held["telecom"].budget.bytes_per_s == 1'000'000);
}

TEST_CASE("a line that changed is told once, and what concerns no line is not told") {
    Setting at;
    at.plug_in(7);
    Lines lines(at.lines, at.policy, at.network, at.guard, at.log);
    REQUIRE(at.bring_up(lines));
    CHECK(lines.follow().empty());
    at.network.add_device("docker0", {20, true, true, {}});
    CHECK(lines.follow().empty());
    at.network.remove_device("wan0");
    CHECK(lines.follow() == std::vector<std::uint32_t>{0});
    CHECK(lines.follow().empty());
    CHECK(at.guard.held["telecom"].device == 0);
}

TEST_CASE("an address that comes later brings its routes, and its coming and going are told") {
    Setting at;
    at.network.add_device("wan0", {7, true, true, {}});
    Lines lines(at.lines, at.policy, at.network, at.guard, at.log);
    REQUIRE(at.bring_up(lines));
    CHECK(at.routes() == 0);
    CHECK(at.said.str().find("todo=\"ip address add 100.64.1.2/PREFIX dev wan0\"") != std::string::npos);
    CHECK(lines.info(0).absent == 1);
    at.plug_in(7);
    CHECK(lines.follow() == std::vector<std::uint32_t>{0});
    CHECK(lines.info(0).absent == 0);
    CHECK(lines.follow().empty());
    CHECK(at.routes() == 2);
    at.network.add_device("wan0", {7, true, true, {{ip("100.64.9.9"), 24}}});
    CHECK(lines.follow() == std::vector<std::uint32_t>{0});
    CHECK(lines.info(0).absent == 1);
    CHECK(lines.info(0).link_up == 1);
}

TEST_CASE("a macvlan is made for its line, goes with its parent, comes back with it, and goes at the end") {
    Setting at;
    at.lines[0].kind = LineKind::macvlan;
    at.lines[0].device = "edge-telecom";
    at.lines[0].parent = "eth0";
    at.lines[0].addresses = {LineAddress(ip("100.64.1.2"), 24)};
    const auto names = [&] {
        std::string all;
        const auto devices = at.network.devices().value();
        for (const auto& [name, device] : devices) all += name + " ";
        return all;
    };
    at.network.add_device("edge-old", {50, true, true, {}, true});  // a crash's
    REQUIRE(remove_ours(at.network, at.log));
    CHECK(names() == "");
    {
        Lines lines(at.lines, at.policy, at.network, at.guard, at.log);
        REQUIRE(at.bring_up(lines));
        CHECK(lines.info(0).ifindex == 0);
        CHECK(at.said.str().find("todo=\"ip link show eth0\"") != std::string::npos);

        at.network.add_device("eth0", {7, true, true, {}});
        CHECK(lines.follow() == std::vector<std::uint32_t>{0});
        CHECK(names() == "edge-telecom eth0 ");
        const auto first = lines.info(0);
        CHECK(first.kind == LineBy::macvlan);
        CHECK(first.ifindex != 0);
        CHECK(first.absent == 0);
        CHECK(at.guard.held["telecom"].device == first.ifindex);
        CHECK(at.routes() == 2);
        CHECK(lines.follow().empty());

        at.network.remove_device("edge-telecom");
        at.network.remove_device("eth0");
        CHECK(lines.follow() == std::vector<std::uint32_t>{0});
        CHECK(at.guard.held["telecom"].device == 0);
        at.network.add_device("eth0", {8, true, true, {}});
        CHECK(lines.follow() == std::vector<std::uint32_t>{0});
        CHECK(lines.info(0).ifindex != first.ifindex);
        CHECK(at.guard.held["telecom"].device == lines.info(0).ifindex);
        CHECK(at.routes() == 2);
    }
    CHECK(names() == "eth0 ");
}

TEST_CASE(
    "a macvlan that was put down is put up again and that is said; one that never was up, or is refused, is told") {
    Setting at;
    at.lines[0].kind = LineKind::macvlan;
    at.lines[0].addresses = {LineAddress(ip("100.64.1.2"), 24)};
    at.lines[0].device = "edge-telecom";
    at.lines[0].parent = "eth0";
    at.network.add_device("eth0", {2, true, true, {}});
    const auto device = [&] { return at.network.devices().value().at("edge-telecom"); };
    const auto said = [&](const std::string& what) {
        std::size_t times = 0;
        const auto all = at.said.str();
        for (auto found = all.find(what); found != std::string::npos; found = all.find(what, found + 1)) ++times;
        return times;
    };
    const std::string todo = "line_incomplete line=telecom todo=\"ip link del edge-telecom\"";
    bool half_made = false, refused = false;
    SUBCASE("put down, and again within a minute") {}
    SUBCASE("put down, and not to be put up") {
        refused = true;
    }
    SUBCASE("half-made") {
        half_made = true;
        at.network.fail_half_way();
    }
    Lines lines(at.lines, at.policy, at.network, at.guard, at.log);
    REQUIRE(at.bring_up(lines));
    const auto index = device().index;
    if (refused) at.network.put_down("edge-telecom", true);
    if (!half_made && !refused) {
        CHECK(said("todo=") == 0);
        at.network.put_down("edge-telecom");
        for (int looks = 0; looks < 2; ++looks) {
            CHECK(lines.follow().empty());  // its link is up, as before
            CHECK(device().up);
            CHECK(device().index == index);
            CHECK(said("device_raised device=edge-telecom") == 1);
        }
        CHECK(said("todo=") == 0);
        at.network.put_down("edge-telecom");
    }
    for (int looks = 0; looks < 3; ++looks) {
        lines.follow();
        CHECK_FALSE(device().up);
        CHECK(said(todo) == 1);
        CHECK(said("network_refused what=\"device edge-telecom") == (refused ? 1 : 0));
        CHECK(said("device_raised") == (half_made || refused ? 0 : 1));
    }
    at.network.remove_device("edge-telecom");
    CHECK(lines.follow() == std::vector<std::uint32_t>{0});
    CHECK(lines.info(0).link_up == 1);
    CHECK(device().index != index);
}

TEST_CASE("a device of somebody else's under a macvlan's name is not the line's, and stays") {
    Setting at;
    at.lines[0].kind = LineKind::macvlan;
    at.lines[0].parent = "eth0";
    at.network.add_device("eth0", {7, true, true, {}});
    at.plug_in(9);
    {
        Lines lines(at.lines, at.policy, at.network, at.guard, at.log);
        REQUIRE(at.bring_up(lines));
        CHECK(at.guard.held["telecom"].device == 0);
        CHECK(lines.info(0).ifindex == 0);
        CHECK(at.said.str().find("line=telecom todo=\"give it another device: wan0 is somebody else's") !=
              std::string::npos);
    }
    CHECK(at.network.devices().value().contains("wan0"));
}

TEST_CASE("a line in another namespace is ruled and routed there, is down while that is gone, and comes back with it") {
    Setting at;
    at.plug_in(7);  // of the same name, and not the line's
    at.lines[0].kind = LineKind::netns;
    at.lines[0].netns = "carrier-a";
    bool there = true;
    FakeNetwork* inner = nullptr;
    const auto open = [&](const std::string& path) -> Result<std::unique_ptr<Network>> {
        CHECK(path == "/run/netns/carrier-a");
        if (!there) return Error{Errc::not_found, path, "no such network namespace"};
        auto fresh = std::make_unique<FakeNetwork>();
        inner = fresh.get();
        inner->add_device("wan0", {3, true, true, {{ip("100.64.1.2"), 24}, {ip("203.0.114.9"), 24}}});
        return std::unique_ptr<Network>(std::move(fresh));
    };
    Lines lines(at.lines, at.policy, at.network, at.guard, at.log, open);
    REQUIRE(at.bring_up(lines));
    CHECK(at.rules() == 0);
    CHECK(at.routes() == 0);
    CHECK(inner->owned().value().rules.size() == 5);
    CHECK(inner->owned().value().routes.size() == 2);
    CHECK(at.guard.held["telecom"].device == 3);
    CHECK(lines.info(0).kind == LineBy::netns);
    CHECK(std::string(lines.info(0).place) == "carrier-a");
    const auto route = lines.route_get(0, ip("198.51.100.10")).value();
    CHECK(route.ifindex == 3);
    CHECK(std::string(route.ifname) == "wan0");
    bool denied = false;  // the namespace's own addresses are no targets either
    for (const auto& entry : at.guard.allowed["telecom"].entries)
        denied = denied ||
                 (entry.prefix == IpPrefix::parse("203.0.114.9/32").value() && entry.verdict == TargetVerdict::deny);
    CHECK(denied);
    CHECK(lines.enter(0));

    there = false;
    inner->go_away();
    CHECK(lines.follow() == std::vector<std::uint32_t>{0});
    CHECK(lines.info(0).closed == Closed::no_namespace);
    CHECK(lines.info(0).ifindex == 0);
    CHECK(at.guard.held["telecom"].device == 0);
    CHECK(lines.route_get(0, ip("198.51.100.10")).value().error == ENODEV);
    REQUIRE_FALSE(lines.enter(0));
    CHECK(lines.enter(0).error().message().find("no such network namespace") != std::string::npos);
    auto left = lines.take_left();
    REQUIRE(left.size() == 1);
    REQUIRE(left[0].lines.size() == 1);
    CHECK(left[0].lines[0].name == "telecom");
    CHECK(left[0].network->owned().value().rules.empty());  // it may live on without its name
    CHECK(lines.take_left().empty());
    CHECK(lines.follow().empty());
    CHECK(lines.networks().size() == 1);

    there = true;
    CHECK(lines.follow() == std::vector<std::uint32_t>{0});
    CHECK(at.guard.held["telecom"].device == 3);
    CHECK(inner->owned().value().rules.size() == 5);
    CHECK(lines.info(0).closed == Closed::no);
    CHECK(at.said.str().find("line=telecom netns=carrier-a why=\"it is back\"") != std::string::npos);
}

TEST_CASE("what changed is told although another namespace could not be looked at") {
    Setting at;
    at.plug_in(7);
    at.lines.push_back(at.lines[0]);
    at.lines[1].name = "unicom";
    at.lines[1].kind = LineKind::netns;
    at.lines[1].netns = "carrier-a";
    FakeNetwork* inner = nullptr;
    const auto open = [&](const std::string&) -> Result<std::unique_ptr<Network>> {
        auto fresh = std::make_unique<FakeNetwork>();
        inner = fresh.get();
        inner->add_device("wan0", {3, true, true, {{ip("100.64.1.2"), 24}}});
        return std::unique_ptr<Network>(std::move(fresh));
    };
    Lines lines(at.lines, at.policy, at.network, at.guard, at.log, open);
    std::vector<Fd> groups(2);
    REQUIRE(lines.bring_up(std::move(groups)));
    at.network.remove_device("wan0");
    inner->fail_to_look();
    CHECK(lines.follow() == std::vector<std::uint32_t>{0});
    CHECK(lines.info(1).ifindex == 3);  // as it was
    CHECK(lines.follow().empty());
}

TEST_CASE("without a guard no line comes up, and no rule is left") {
    Setting at;
    at.plug_in(7);
    at.guard.refuse = true;
    {
        Lines lines(at.lines, at.policy, at.network, at.guard, at.log);
        const auto up = at.bring_up(lines);
        REQUIRE_FALSE(up);
        CHECK(up.error().code == Errc::unsupported);
    }
    CHECK(at.rules() == 0);
}

TEST_CASE("the guard is told the line's addresses, the policy's ports and budget, and every address of the host") {
    Setting at;
    at.policy.targets.ports = {443};
    at.policy.line.bytes_per_s = 1'000'000;
    at.plug_in(7);
    Lines lines(at.lines, at.policy, at.network, at.guard, at.log);
    REQUIRE(at.bring_up(lines));
    const Binding& held = at.guard.held["telecom"];
    CHECK(held.mark == 0x101);
    CHECK(held.addresses == std::vector{ip("100.64.1.2")});
    CHECK(held.ports == std::vector<std::uint16_t>{443});
    CHECK(held.budget == Budget{1'000'000, 0});

    const auto verdict_on = [&](const char* address) {
        for (const auto& entry : at.guard.allowed["telecom"].entries)
            if (entry.prefix == IpPrefix::parse(address).value()) return entry.verdict;
        return TargetVerdict::allow;  // by a wider entry
    };
    CHECK(verdict_on("203.0.114.9/32") == TargetVerdict::allow);
    at.network.add_device("docker0", {20, true, true, {{ip("203.0.114.9"), 24}}});
    CHECK(lines.follow().empty());  // no line changed, but what may be spoken to did
    CHECK(verdict_on("203.0.114.9/32") == TargetVerdict::deny);
}

TEST_CASE("where the guard binds no socket, a line is steered by the uids of its workers") {
    Setting at;
    at.guard.level = Enforcement::nft_guard;
    at.lines[0].uids = {70001, 70009};
    at.plug_in(7);
    Lines lines(at.lines, at.policy, at.network, at.guard, at.log);
    REQUIRE(at.bring_up(lines));
    CHECK(at.guard.held["telecom"].uids == UidRange{70001, 70009});
    CHECK(at.rules() == 9);  // two more of each family
    const auto route = lines.route_get(0, ip("198.51.100.10")).value();
    CHECK(route.table == 101);
    CHECK(route.ifindex == 7);
    CHECK(lines.info(0).enforced_by == Enforcement::nft_guard);
}

TEST_CASE("without privileges nothing is written; what is missing is told, and again when it is missing again") {
    Setting at;
    at.guard.level = Enforcement::cooperative;
    at.lines[0].routes = Routes::external;
    at.plug_in(7);
    Rule theirs;
    theirs.device = "wan0";
    theirs.table = 101;
    RoutingChanges add;
    add.add_rules = {theirs};
    REQUIRE(at.network.apply(add).empty());
    {
        Lines lines(at.lines, at.policy, at.network, at.guard, at.log, {}, Privileges::none);
        REQUIRE(at.bring_up(lines));
        CHECK(lines.info(0).mark == 0);
        CHECK(lines.info(0).link_up == 1);
        CHECK(at.said.str().find("todo=\"ip rule add from 100.64.1.2 lookup 101\"") != std::string::npos);
        CHECK(at.said.str().find("todo=\"ip route add default via 100.64.1.1 dev wan0 table 101\"") !=
              std::string::npos);
        CHECK(at.said.str().find("oif wan0") == std::string::npos);  // that is there
        at.network.forget_rules();
        lines.follow();
        CHECK(at.said.str().find("todo=\"ip rule add oif wan0 lookup 101\"") != std::string::npos);
    }
    CHECK(at.network.rounds_of_changes() == 1);  // our own, above
}

TEST_CASE("rules and routes that went while no device changed are put back") {
    Setting at;
    at.plug_in(7);
    Lines lines(at.lines, at.policy, at.network, at.guard, at.log);
    REQUIRE(at.bring_up(lines));
    SUBCASE("routes") {
        at.network.forget_routes();
    }
    SUBCASE("rules") {
        at.network.forget_rules();
    }
    CHECK(lines.follow().empty());
    CHECK(at.rules() == 5);
    CHECK(at.routes() == 2);
}

TEST_CASE("a way out that is lost or another is told though the device is as it was") {  // somebody else's to mend
    Setting at;
    at.guard.level = Enforcement::cooperative;
    at.lines[0].routes = Routes::external;
    at.plug_in(7);
    RoutingChanges theirs;
    Rule to_table;
    to_table.device = "wan0";
    to_table.table = 101;
    theirs.add_rules = {to_table};
    TableRoute way;
    way.table = 101;
    way.device = 7;
    way.gateway = ip("100.64.1.1");
    theirs.add_routes = {way};
    REQUIRE(at.network.apply(theirs).empty());
    Lines lines(at.lines, at.policy, at.network, at.guard, at.log, {}, Privileges::none);
    REQUIRE(at.bring_up(lines));
    CHECK(lines.follow().empty());
    at.network.forget_routes();
    CHECK(lines.follow() == std::vector<std::uint32_t>{0});
    CHECK(lines.follow().empty());
    theirs.add_routes[0].gateway = ip("100.64.1.254");
    REQUIRE(at.network.apply(theirs).empty());
    CHECK(lines.follow() == std::vector<std::uint32_t>{0});
    CHECK(lines.follow().empty());
    CHECK(lines.follow({.tables = {102}}).empty());  // some event's
    CHECK(lines.follow({.tables = {101}}) == std::vector<std::uint32_t>{0});
    CHECK(lines.follow({.rules = true}) == std::vector<std::uint32_t>{0});
}

TEST_CASE("where all stands nothing is changed, so that the events of our own changes end") {
    Setting at;
    at.lines[0].addresses.push_back(ip("100.64.1.3"));  // of one network: each would be the source of its route
    at.network.add_device("wan0", {7, true, true, {{ip("100.64.1.2"), 24}, {ip("100.64.1.3"), 24}}});
    Lines lines(at.lines, at.policy, at.network, at.guard, at.log);
    REQUIRE(at.bring_up(lines));
    CHECK(at.network.rounds_of_changes() == 1);
    lines.follow();
    lines.follow();
    CHECK(at.network.rounds_of_changes() == 1);
}

TEST_CASE("what the kernel refuses is said once, however often it is tried") {
    Setting at;
    at.plug_in(7);
    at.network.refuse_v6();
    Lines lines(at.lines, at.policy, at.network, at.guard, at.log);
    REQUIRE(at.bring_up(lines));
    const std::string said = at.said.str();
    CHECK(said.find("network_refused what=\"6 10001: ") != std::string::npos);
    lines.follow();
    lines.follow();
    CHECK(at.said.str() == said);
}
