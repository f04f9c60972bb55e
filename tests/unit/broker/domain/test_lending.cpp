#include <doctest/doctest.h>

#include "broker/domain/lending.hpp"
#include "tests/unit/broker/domain/rig.hpp"

namespace edge::broker {
namespace {

link::Policy lends(std::vector<std::string> services) {
    link::Policy policy;
    policy.hash = "ab12";
    policy.services = std::move(services);
    policy.targets.allow = {"10.20.0.0/16", "198.51.100.0/24"};
    policy.targets.deny = {"198.51.100.64/26"};
    policy.targets.ports = {53, 80, 443};
    policy.targets.only = {"198.51.100.65:7480", "no address"};
    return policy;
}

NodeRecord node_that(link::Policy policy) {
    NodeRecord node;
    node.lines = {line("telecom", "ct")};
    node.lines[0].addresses = {"100.64.1.2"};
    node.lines[0].resolvers = {"100.64.1.53"};
    node.lines[0].enforced_by = EnforcedBy::nft;
    node.policy = std::move(policy);
    return node;
}

std::string refusal(const NodeRecord& node, const ProbeSpec& spec, EnforcedBy least = EnforcedBy::none) {
    return Lending(spec, least).refusal(node, node.lines[0]).value_or("");
}

ProbeSpec ping(const char* target) {
    PingSpec spec;
    spec.target = target;
    return spec;
}
ProbeSpec http(const char* target) {
    HttpSpec spec;
    spec.target = target;
    return spec;
}
ProbeSpec dns(const char* server, std::uint32_t port = 53) {
    DnsSpec spec;
    spec.target = "example.test";
    if (server[0] != '\0') spec.server = server;
    spec.port = port;
    return spec;
}

}  // namespace

TEST_CASE("what a node's policy would refuse by service, literal target or port is seen before it is asked") {
    const NodeRecord node = node_that(lends({"dns", "http", "ping"}));
    struct Row {
        ProbeSpec spec;
        const char* why;  // empty: it may be asked
    };
    const Row rows[] = {
        {ping("8.8.8.8"), ""},
        {ping("example.test"), ""},
        {ping("10.20.1.1"), ""},
        {ping("10.21.1.1"), "a private network"},
        {ping("198.51.100.65"), "denied by the node's policy"},
        {ping("100.64.1.2"), "an address of the node itself"},
        {ping("::ffff:10.21.1.1"), "10.21.1.1"},
        {http("http://example.test/"), ""},
        {http("http://example.test:8080/"), "port 8080"},
        {http("http://198.51.100.65:7480/"), ""},
        {http("http://198.51.100.65/"), "denied by the node's policy"},
        {http("http://8.8.8.8:7480/"), "port 7480"},
        {http("http://echo.test:7480/"), ""},  // may be that address
        {http("http://169.254.169.254/latest"), "169.254."},
        {http("https://[::1]/"), "::1"},
        {http("http://user@10.21.1.1/"), ""},  // the worker takes such a URL apart, and refuses it
        {dns(""), ""},
        {dns("100.64.1.53"), ""},
        {dns("100.64.1.53", 5353), "a carrier's shared"},
        {dns("8.8.8.8", 5353), "port 5353"},
    };
    for (const Row& row : rows) {
        CAPTURE(target_of(row.spec));
        const std::string why = refusal(node, row.spec);
        CAPTURE(why);
        if (row.why[0] == '\0')
            CHECK(why == "");
        else
            CHECK(why.find(row.why) != std::string::npos);
    }
    CHECK(refusal(node_that(lends({"dns"})), ping("8.8.8.8")) == "the node does not lend ping");
    CHECK(refusal(node_that(lends({})), dns("")) == "the node does not lend dns");
}

TEST_CASE("a node that has not told its policy is asked everything; a level is asked of the line all the same") {
    NodeRecord node = node_that({});
    node.policy.reset();
    CHECK(refusal(node, ping("10.0.0.1")) == "");
    CHECK(refusal(node, ping("10.0.0.1"), EnforcedBy::nft) == "");
    CHECK(refusal(node, ping("10.0.0.1"), EnforcedBy::bpf) ==
          "the line is held by nft-guard, less than require_level asks");
}

TEST_CASE("a line that its operator took out of service is asked nothing; one that is down is") {
    NodeRecord node = node_that(lends({"ping"}));
    auto& line = node.lines.at(0);
    line.state = link::LineState::disabled;
    line.reason = "maintenance until Monday";
    CHECK(refusal(node, ping("8.8.8.8")) == "the line is disabled: maintenance until Monday");
    line.state = link::LineState::draining;
    line.reason.clear();
    CHECK(refusal(node, ping("8.8.8.8")) == "the line is draining");
    for (const auto state : {link::LineState::down, link::LineState::degraded, link::LineState::unknown}) {
        line.state = state;
        CHECK(refusal(node, ping("8.8.8.8")) == "");
    }
}

TEST_CASE("a policy from outside whose prefixes do not parse denies nothing and breaks nothing") {
    link::Policy policy = lends({"ping", "juggling"});
    policy.targets.deny = {"everything", "300.0.0.0/8", "198.51.100.10/32", "1.2.3.4/33"};
    const NodeRecord node = node_that(policy);
    CHECK(refusal(node, ping("198.51.100.10")) != "");
    CHECK(refusal(node, ping("8.8.8.8")) == "");
}

TEST_CASE("lines whose nodes would refuse are left out and said; when none remains the job is refused") {
    Rig rig;
    TestAgent one(rig, rig.enroll("gz-1"));
    TestAgent two(rig, rig.enroll("sh-1"), 2);
    one.connect();
    two.connect();
    one.send({{lends({"dns"}), {}}});
    two.send({{lends({"dns", "ping"}), {}}});
    const RunView run = rig.ping("all").value();
    CHECK(run.tasks.total == 3);
    CHECK(one.tasks().empty());
    CHECK(two.tasks().size() == 3);
    CHECK(run.notes.left_out_total == 3);
    REQUIRE(run.notes.left_out.size() == 3);
    CHECK(run.notes.left_out[0].node.name.text() == "gz-1");
    CHECK(run.notes.left_out[0].why == "the node does not lend ping");
    CHECK(rig.run(run.id).notes.left_out_total == 0);  // said once

    const RunView few = rig.ping("all limit:2").value();
    CHECK(few.tasks.total == 2);  // those left out are not of the two
    CHECK(few.notes.left_out_total == 0);
    const RunView many = rig.ping("all limit:5").value();
    CHECK(many.tasks.total == 3);
    CHECK(many.notes.left_out_total == 3);  // which is why they are fewer than five

    CHECK(run.notes.away_total == 0);
    two.leave();
    const RunView waits = rig.ping("all").value();
    CHECK(waits.notes.away_total == 1);  // a node, not its three lines
    REQUIRE(waits.notes.away.size() == 1);
    CHECK(waits.notes.away[0].name.text() == "sh-1");

    const auto before = rig.store().transactions();
    const Error none = rig.ping("gz-1").error();
    CHECK(none.code == Errc::denied);
    CHECK(none.where == "/selector");
    CHECK(none.detail == "gz-1/telecom, gz-1/unicom, gz-1/mobile: the node does not lend ping");
    CHECK(rig.store().transactions() == before);
}

TEST_CASE("a level that no line reaches is refused, naming few of many") {
    Rig rig;
    std::vector<std::unique_ptr<TestAgent>> agents;
    for (int i = 0; i < 5; ++i) {
        const auto number = std::to_string(i);
        agents.push_back(std::make_unique<TestAgent>(rig, rig.enroll("n-" + number, static_cast<std::uint8_t>(i + 1)),
                                                     static_cast<std::uint64_t>(i + 1)));
        for (auto& each : agents.back()->hello.lines) each.enforced_by = EnforcedBy::cooperative;
        agents.back()->connect();
    }
    JobRequest request = ping_job("all");
    request.terms.require_level = EnforcedBy::nft;
    const Error refused = rig.create(request).error();
    CHECK(refused.code == Errc::denied);
    CHECK(refused.detail.find("; and 7 more") != std::string::npos);
    request.terms.require_level = EnforcedBy::cooperative;
    CHECK(rig.create(request).has_value());
}

TEST_CASE("a policy survives a restart of the broker, and is forgotten when the node comes with another hash") {
    Rig rig;
    TestAgent agent(rig, rig.enroll("gz-1"));
    agent.hello.policy_hash = "ab12";
    agent.connect();
    agent.send({{lends({"dns"}), {}}});
    const auto writes = rig.store().transactions();
    agent.send({{lends({"dns"}), {}}});  // the same again: no write
    CHECK(rig.store().transactions() == writes);
    CHECK(rig.fsm().node("gz-1").value().policy->services == std::vector<std::string>{"dns"});
    CHECK_FALSE(rig.fsm().nodes()[0].policy);  // only where one node is asked for
    rig.restart();
    CHECK(rig.ping("all").error().code == Errc::denied);
    agent.hello.policy_hash = "cd34";
    agent.connect();
    CHECK_FALSE(rig.fsm().node("gz-1").value().policy);
    CHECK(rig.ping("all").has_value());
}

TEST_CASE("a policy that is too large ends the session") {
    Rig rig;
    TestAgent agent(rig, rig.enroll("gz-1"));
    agent.connect();
    link::Policy policy = lends({"ping"});
    policy.services.push_back(std::string(40'000, 'x'));
    agent.send({{policy, {}}});
    CHECK(rig.take<CloseSession>().size() == 1);
    CHECK_FALSE(rig.fsm().node("gz-1").value().policy);
}

TEST_CASE("one target is probed so often in all, whoever asks and whatever nodes are chosen") {
    DomainOptions options;
    options.target_probes_per_s = 1;  // ten at once
    Rig rig(options);
    TestAgent one(rig, rig.enroll("gz-1"));
    TestAgent two(rig, rig.enroll("sh-1"), 2);
    one.connect();
    two.connect();
    CHECK(rig.ping("all").value().tasks.total == 6);
    CHECK(rig.ping("gz-1").has_value());
    const Error refused = rig.ping("gz-1").error();
    CHECK(refused.code == Errc::too_large);
    CHECK(refused.where == "/params/target");
    JobRequest other = ping_job("gz-1");
    std::get<PingSpec>(other.spec).target = "198.51.100.11";
    CHECK(rig.create(other).has_value());
    rig.pass(2'000);
    CHECK(rig.ping("gz-1").has_value());
    CHECK_FALSE(rig.ping("gz-1").has_value());
    JobRequest many = ping_job("all");
    many.terms.repeat = 2;
    CHECK(rig.create(many).error().code == Errc::bad_value);  // never fits
}

TEST_CASE("a job that the store refuses takes nothing of what its target may be probed") {
    DomainOptions options;
    options.target_probes_per_s = 1;
    Rig rig(options);
    TestAgent agent(rig, rig.enroll("gz-1"));
    agent.connect();
    for (int i = 0; i < 8; ++i) {
        rig.hold_writes = true;
        rig.act(
            [&](DomainFsm& fsm, Now now, Actions& out) { fsm.create_job(rig.ticket(), ping_job("all"), now, out); });
        rig.refuse();
    }
    rig.hold_writes = false;
    rig.take<JobAnswer>();
    CHECK(rig.ping("all").has_value());
}

TEST_CASE("usage is kept in memory, short and bounded") {
    Rig rig;
    TestAgent agent(rig, rig.enroll("gz-1"));
    agent.connect();
    CHECK(rig.fsm().usage("gz-1").error().code == Errc::not_found);
    CHECK(rig.fsm().usages().empty());
    const auto writes = rig.store().transactions();
    link::Facts facts;
    facts.interval_ms = 60'000;
    facts.host.busy = "the host has other things to do";
    facts.lines = {{.name = agent.hello.lines[0].name, .sent_bytes = 7, .received_bytes = 9}};
    for (int i = 0; i < 100; ++i) agent.send({{facts, {}}});
    CHECK(rig.store().transactions() == writes);
    const UsageView usage = rig.fsm().usage("gz-1").value();
    CHECK(usage.history.size() == NodeUsage::kMostPoints);
    CHECK(usage.history.back().sent_bytes == 7);
    CHECK(usage.facts.lines[0].received_bytes == 9);
    CHECK(rig.fsm().usages().size() == 1);
    CHECK(rig.fsm().usages()[0].history.empty());
    CHECK(rig.fsm().node("gz-1").value().busy == facts.host.busy);
    agent.leave();
    CHECK(rig.fsm().node("gz-1").value().busy.empty());
    agent.connect();
    facts.sandboxes.resize(257);
    agent.send({{facts, {}}});
    CHECK(rig.take<CloseSession>().size() == 1);
}

}  // namespace edge::broker
