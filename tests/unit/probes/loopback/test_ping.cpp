#include "tests/unit/probes/loopback/own_network.hpp"
#include "tests/unit/probes/loopback/rig.hpp"

using namespace edge;
using namespace edge::probes;

namespace {

PingSpec ping(const char* target) {
    PingSpec spec;
    spec.target = target;
    spec.count = 3;
    spec.interval_ms = 10;
    spec.timeout_ms = 500;
    return spec;
}

/// Runs it where ICMP sockets are allowed; nothing where that needs a privilege we lack.
std::optional<Ran> run_in_own_network(const PingSpec& spec, TargetPolicy policy = TargetPolicy::unrestricted()) {
    std::optional<Ran> ran;
    const bool has_run = in_own_network([&] { ran = Rig(policy).run(spec); });
    if (!has_run) MESSAGE("skipped: no network namespace of our own (needs root)");
    return ran;
}

}  // namespace

TEST_CASE("loopback answers every echo, over IPv4 and IPv6, with size, TTL and time") {
    for (const char* target : {"127.0.0.1", "::1"}) {
        CAPTURE(std::string(target));
        PingSpec spec = ping(target);
        spec.size = 1400;
        const auto ran = run_in_own_network(spec);
        if (!ran) return;
        CHECK(ran->report.status == Status::ok);
        CHECK(*ran->report.summary.loss == 0);
        const auto detail = ran->detail<PingDetail>();
        CHECK(detail.sent == 3);
        CHECK(detail.rcvd == 3);
        CHECK(detail.ignored == 0);
        CHECK(detail.dst_addr == target);
        REQUIRE(detail.replies.size() == 3);
        for (const PingReply& reply : detail.replies) {
            CHECK(reply.rtt_us);
            CHECK(reply.ttl == 64);
            CHECK(reply.size == 1400);
        }
        CHECK(detail.replies[2].tx_us >= 20'000);
        CHECK(ran->progress.size() == 3);
        CHECK(ran->report.sockets.at(0).src_addr == target);
        CHECK(ran->report.sockets.at(0).dst_addr == target);
        CHECK(ran->report.sockets.at(0).protocol ==
              (std::string(target) == "::1" ? int{IPPROTO_ICMPV6} : IPPROTO_ICMP));
    }
}

TEST_CASE("no route is the line's failure, told by errno") {
    const auto ran = run_in_own_network(ping("192.0.2.1"));
    if (!ran) return;
    CHECK(ran->report.status == Status::failed);
    CHECK(ran->report.failure->source == Source::line);
    CHECK(ran->report.failure->code == "ENETUNREACH");
}

TEST_CASE("a target that policy forbids gets no packet, and a name without a resolver says so") {
    TargetPolicy policy;
    policy.services = {Service::ping};
    Rig rig(policy);
    const Ran denied = rig.run(ping("127.0.0.1"));
    CHECK(denied.report.status == Status::refused);
    CHECK(denied.report.failure->code == "denied");
    CHECK(rig.run(ping("www.lab.test")).report.failure->code == "no_resolver");
}
