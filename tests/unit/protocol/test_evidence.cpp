#include <doctest/doctest.h>
#include <netinet/in.h>

#include "protocol/evidence.hpp"

using namespace edge;

namespace {

/// All three views agree; each case below spoils one of them.
struct Views {
    LineFacts line{.name = "telecom",
                   .ifname = "wan0",
                   .ifindex = 7,
                   .mark = 0x101,
                   .table = 101,
                   .addresses = {"100.64.1.2", "fd64:1::2"},
                   .enforced_by = EnforcedBy::bpf};
    std::optional<SocketFacts> socket = SocketFacts{.src_addr = "100.64.1.2",
                                                    .src_port = 4242,
                                                    .dst_addr = "198.18.0.80",
                                                    .dst_port = 443,
                                                    .ifname = "wan0",
                                                    .fwmark = 0x101};
    std::optional<RouteGet> route =
        RouteGet{.oif = "wan0", .gw = "100.64.1.1", .prefsrc = "100.64.1.2", .table = 101, .error = {}};

    Evidence evidence() const {
        return make_evidence(line, socket ? std::vector{SocketPath{*socket, route}} : std::vector<SocketPath>{});
    }
};

}  // namespace

TEST_CASE("when socket, line and route agree the evidence is verified and holds what each said") {
    const Evidence evidence = Views().evidence();
    CHECK(evidence.verified);
    CHECK(evidence.mismatch_reason.empty());
    CHECK(evidence.src_addr == "100.64.1.2");
    CHECK(evidence.src_port == 4242);
    CHECK(evidence.dst_addr == "198.18.0.80");
    CHECK(evidence.dst_port == 443);
    CHECK(evidence.ifname == "wan0");
    CHECK(evidence.ifindex == 7);
    CHECK(evidence.fwmark == 0x101);
    CHECK(evidence.table == 101);
    REQUIRE(evidence.route_get);
    CHECK(evidence.route_get->gw == "100.64.1.1");
    CHECK(evidence.enforced_by == EnforcedBy::bpf);
}

TEST_CASE("where rules go by user id a socket bears no device and mark, and other ones still count") {
    Views views;
    views.line.enforced_by = EnforcedBy::nft;
    CHECK(views.evidence().verified);
    views.socket->ifname.clear();
    views.socket->fwmark = 0;
    CHECK(views.evidence().verified);
    views.socket->src_addr = "fd64:1::2";
    CHECK(views.evidence().verified);
    views.socket->ifname = "wan1";
    CHECK(views.evidence().mismatch_reason == "the socket was bound to wan1, not wan0");
    views.socket->ifname.clear();
    views.socket->fwmark = 0x102;
    CHECK(views.evidence().mismatch_reason == "the socket had mark 0x102, not 0x101");
}

TEST_CASE("of several sockets the last is told of, and each has to agree") {
    const Views views;
    std::vector<SocketPath> paths(3, SocketPath{*views.socket, views.route});
    paths[2].socket.dst_addr = "198.18.0.90";
    paths[2].route->gw = "100.64.1.9";
    const Evidence good = make_evidence(views.line, paths);
    CHECK(good.verified);
    CHECK(good.dst_addr == "198.18.0.90");
    CHECK(good.route_get->gw == "100.64.1.9");
    for (std::size_t i = 0; i < 3; ++i) {
        auto spoilt = paths;
        spoilt[i].socket.src_addr = "100.64.2.2";
        const Evidence bad = make_evidence(views.line, spoilt);
        CHECK_FALSE(bad.verified);
        CHECK(bad.mismatch_reason == "socket " + std::to_string(i + 1) + " of 3, to " + spoilt[i].socket.dst_addr +
                                         ": source address 100.64.2.2 is not one of line telecom");
        spoilt = paths;
        spoilt[i].route.reset();
        CHECK_FALSE(make_evidence(views.line, spoilt).verified);
    }
    paths.resize(kMaxSockets + 1, paths[0]);
    CHECK(make_evidence(views.line, paths).mismatch_reason == "17 sockets are more than a probe has");
    paths.resize(kMaxSockets);
    CHECK(make_evidence(views.line, paths).verified);
}

TEST_CASE(
    "a flow is what rules tell sockets to one address apart by; of a protocol that no probe has it is the address") {
    const auto flow = [](int protocol) {
        SocketFacts socket = *Views().socket;
        socket.protocol = static_cast<std::uint16_t>(protocol);
        return flow_of(socket);
    };
    CHECK(flow(IPPROTO_TCP) == Flow{"198.18.0.80", IPPROTO_TCP, 443});
    CHECK(flow(IPPROTO_UDP) == Flow{"198.18.0.80", IPPROTO_UDP, 443});
    CHECK(flow(IPPROTO_ICMP) == Flow{"198.18.0.80", IPPROTO_ICMP, 0});
    CHECK(flow(IPPROTO_ICMPV6) == Flow{"198.18.0.80", IPPROTO_ICMPV6, 0});
    for (const int other : {0, int{IPPROTO_SCTP}, int{IPPROTO_MPTCP}, 256 + IPPROTO_TCP, 0xffff})
        CHECK(flow(other) == Flow{"198.18.0.80", 0, 0});
}

TEST_CASE("a prober that binds itself is believed its device, and needs no mark") {
    Views views;
    views.line.enforced_by = EnforcedBy::cooperative;
    views.socket->fwmark = 0;
    const Evidence evidence = views.evidence();
    CHECK(evidence.verified);
    CHECK(evidence.enforced_by == EnforcedBy::cooperative);
}

TEST_CASE("one disagreement is enough, and the reason names it") {
    struct Case {
        std::string reason;
        void (*spoil)(Views&);
    };
    const Case cases[] = {
        {"no socket was used", [](Views& v) { v.socket.reset(); }},
        {"source address 100.64.2.2 is not one of line telecom", [](Views& v) { v.socket->src_addr = "100.64.2.2"; }},
        {"source address  is not one of line telecom", [](Views& v) { v.socket->src_addr.clear(); }},
        {"source address 100.64.1.2 is not one of line telecom", [](Views& v) { v.line.addresses.clear(); }},
        {"the socket was bound to wan1, not wan0", [](Views& v) { v.socket->ifname = "wan1"; }},
        {"the socket was bound to no device, not wan0", [](Views& v) { v.socket->ifname.clear(); }},
        {"the socket had mark 0x102, not 0x101", [](Views& v) { v.socket->fwmark = 0x102; }},
        {"the socket had mark 0x0, not 0x101", [](Views& v) { v.socket->fwmark = 0; }},
        {"the launcher did not say which route the kernel takes", [](Views& v) { v.route.reset(); }},
        {"the kernel has no route: ENETUNREACH", [](Views& v) { v.route->error = "ENETUNREACH"; }},
        {"the kernel's route leaves by wan1, not wan0", [](Views& v) { v.route->oif = "wan1"; }},
        {"the kernel's route leaves by , not wan0", [](Views& v) { v.route->oif.clear(); }},
        {"the kernel's route is from table 254, not 101", [](Views& v) { v.route->table = 254; }},
        {"nothing enforces the line", [](Views& v) { v.line.enforced_by = EnforcedBy::none; }},
        {"the socket was bound to no device, not wan0",
         [](Views& v) {
             v.line.enforced_by = EnforcedBy::cooperative;
             v.socket->ifname.clear();
         }},
        {"the socket had mark 0x102, not 0x101",
         [](Views& v) {
             v.line.enforced_by = EnforcedBy::cooperative;
             v.socket->fwmark = 0x102;
         }},
    };
    for (const auto& [reason, spoil] : cases) {
        CAPTURE(reason);
        Views views;
        spoil(views);
        const Evidence evidence = views.evidence();
        CHECK_FALSE(evidence.verified);
        CHECK(evidence.mismatch_reason == reason);
    }
}

TEST_CASE("an answer without verified evidence is never published as good") {
    Views views;
    views.socket->ifname = "wan1";
    for (const Status status : {Status::ok, Status::partial}) {
        ProbeReport report;
        report.status = status;
        apply_evidence(views.evidence(), report);
        CHECK(report.status == Status::failed);
        REQUIRE(report.failure);
        CHECK(report.failure->source == Source::line);
        CHECK(report.failure->phase == "check");
        CHECK(report.failure->code == "unverified");
        CHECK(report.failure->text == "the socket was bound to wan1, not wan0");
    }
}

TEST_CASE("a failure keeps its own reason, and a verified answer is left alone") {
    Views views;
    views.socket.reset();
    ProbeReport failed;
    failed.status = Status::failed;
    failed.failure = Failure{Source::resolver, "resolve", "NXDOMAIN", "no such name"};
    apply_evidence(views.evidence(), failed);
    CHECK(failed.failure->code == "NXDOMAIN");

    ProbeReport good;
    good.status = Status::ok;
    apply_evidence(Views().evidence(), good);
    CHECK(good.status == Status::ok);
    CHECK_FALSE(good.failure);
}
