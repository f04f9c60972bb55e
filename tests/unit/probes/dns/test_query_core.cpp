#include <doctest/doctest.h>

#include "probes/dns/query_core.hpp"
#include "tests/unit/probes/dns/messages.hpp"

using namespace edge;
using namespace edge::probes;
using namespace std::chrono_literals;

namespace {

using Time = QueryCore::Time;
const Time kStart{1000s};

struct QueryRig {
    DnsSpec spec;
    std::uint16_t next_id = 100;
    QueryCore core;

    explicit QueryRig(DnsTransport transport = DnsTransport::udp, std::uint32_t tries = 1,
                      std::uint32_t timeout_ms = 3000)
        : QueryRig(wanted(transport, tries, timeout_ms)) {}
    explicit QueryRig(DnsSpec wanted)
        : spec(wanted),
          core(wanted, make_question(wanted.target, wanted.type).value(), "192.0.2.53", [this] { return next_id++; }) {}

    static DnsSpec wanted(DnsTransport transport, std::uint32_t tries, std::uint32_t timeout_ms) {
        DnsSpec made;
        made.target = "lab.test";
        made.transport = transport;
        made.tries = tries;
        made.timeout_ms = timeout_ms;
        return made;
    }
    static QueryCore::Ask ask(const QueryCore::Action& action) {
        REQUIRE(std::holds_alternative<QueryCore::Ask>(action));
        return std::get<QueryCore::Ask>(action);
    }
    static bool is_over(const QueryCore::Action& action) { return std::holds_alternative<QueryCore::Over>(action); }
    static bool is_waiting(const QueryCore::Action& action) { return std::holds_alternative<QueryCore::Wait>(action); }

    Bytes answer(std::uint16_t id, unsigned flags) const {
        MessageWriter message;
        message.header(id, flags, 1, 1, 0, 0).name("lab.test").u16(1).u16(1).record(1, 60, {198, 18, 0, 10});
        return message.bytes;
    }
    ProbeReport concluded() const {
        ProbeReport report;
        core.conclude(report);
        return report;
    }
};

}  // namespace

TEST_CASE("a good answer ends the query with its time from the send") {
    QueryRig rig;
    const auto ask = QueryRig::ask(rig.core.start(kStart));
    CHECK(ask.transport == DnsTransport::udp);
    CHECK(ask.until == kStart + 3000ms);
    rig.core.sent(kStart + 1ms);
    CHECK(QueryRig::is_over(rig.core.received(rig.answer(100, 0x8180), kStart + 13ms)));
    const ProbeReport report = rig.concluded();
    CHECK(report.status == Status::ok);
    CHECK(*report.summary.rtt_us == 12'000);
    CHECK(*report.summary.code == "NOERROR");
    CHECK(rig.core.detail().answer.at(0).rdata == "198.18.0.10");
    CHECK(rig.core.detail().transport == "udp");
}

TEST_CASE("NXDOMAIN is an answer, SERVFAIL is the resolver's failure") {
    QueryRig nx;
    nx.core.start(kStart);
    nx.core.received(nx.answer(100, 0x8183), kStart + 1ms);
    CHECK(nx.concluded().status == Status::ok);
    CHECK(*nx.concluded().summary.code == "NXDOMAIN");
    QueryRig fail;
    fail.core.start(kStart);
    CHECK(QueryRig::is_over(fail.core.received(fail.answer(100, 0x8182), kStart + 1ms)));
    CHECK(fail.concluded().status == Status::failed);
    CHECK(fail.concluded().failure->source == Source::resolver);
    CHECK(fail.concluded().failure->code == "SERVFAIL");
}

TEST_CASE("forged answers are ignored and counted, and the real one still counts") {
    QueryRig rig;
    rig.core.start(kStart);
    for (int i = 0; i < 1000; ++i)
        CHECK(QueryRig::is_waiting(
            rig.core.received(rig.answer(static_cast<std::uint16_t>(200 + i), 0x8180), kStart + 1ms)));
    CHECK(QueryRig::is_waiting(rig.core.received(Bytes{}, kStart + 1ms)));
    CHECK(QueryRig::is_over(rig.core.received(rig.answer(100, 0x8180), kStart + 2ms)));
    CHECK(rig.core.detail().ignored == 1001);
    CHECK(rig.concluded().status == Status::ok);
}

TEST_CASE("each try is a new message with a new id, and the last timeout is the failure") {
    QueryRig rig(DnsTransport::udp, 3, 500);
    const auto first = QueryRig::ask(rig.core.start(kStart));
    const auto second = QueryRig::ask(rig.core.timed_out(kStart + 500ms));
    CHECK(second.until == kStart + 1000ms);
    CHECK(first.message != second.message);
    CHECK(QueryRig::is_waiting(rig.core.received(rig.answer(100, 0x8180), kStart + 501ms)));  // late, to the first
    QueryRig::ask(rig.core.failed(ECONNREFUSED, "read", kStart + 600ms));
    CHECK(QueryRig::is_over(rig.core.timed_out(kStart + 1100ms)));
    const ProbeReport report = rig.concluded();
    CHECK(report.status == Status::failed);
    CHECK(report.failure->code == "timeout");
    CHECK(report.failure->phase == "wait");
    CHECK(rig.core.detail().tries == 3);
    CHECK(rig.core.detail().ignored == 1);
    CHECK_FALSE(report.summary.rtt_us);
}

TEST_CASE("a truncated answer is asked again over TCP") {
    QueryRig rig;
    rig.core.start(kStart);
    const auto again = QueryRig::ask(rig.core.received(rig.answer(100, 0x8380), kStart + 5ms));
    CHECK(again.transport == DnsTransport::tcp);
    CHECK(std::string(rig.core.phase()) == "connect");
    rig.core.connected(kStart + 15ms);
    rig.core.sent(kStart + 15ms);
    CHECK(QueryRig::is_over(
        rig.core.received(rig.answer(101, 0x8380), kStart + 40ms)));  // TC over TCP means nothing more
    CHECK(rig.core.detail().transport == "tcp");
    CHECK(*rig.core.detail().connect_us == 10'000);
    CHECK(rig.core.detail().query_us == 25'000);
    CHECK(rig.core.detail().tries == 1);
}

TEST_CASE("over TCP an answer to another question, or a closed connection, ends the try") {
    QueryRig other(DnsTransport::tcp);
    other.core.start(kStart);
    other.core.connected(kStart + 1ms);
    CHECK(QueryRig::is_over(other.core.received(other.answer(999, 0x8180), kStart + 2ms)));
    CHECK(other.concluded().failure->code == "malformed");
    QueryRig closed(DnsTransport::tcp);
    closed.core.start(kStart);
    CHECK(QueryRig::is_over(closed.core.closed(kStart + 2ms)));
    CHECK(closed.concluded().failure->code == "closed");
}

TEST_CASE("an answer that matches but does not parse is malformed") {
    QueryRig rig;
    rig.core.start(kStart);
    Bytes broken = rig.answer(100, 0x8180);
    broken.resize(broken.size() - 2);
    CHECK(QueryRig::is_over(rig.core.received(broken, kStart + 2ms)));
    CHECK(rig.concluded().failure->code == "malformed");
    CHECK(rig.concluded().failure->source == Source::resolver);
}

TEST_CASE("a line without a route fails as the line's") {
    QueryRig rig;
    rig.core.start(kStart);
    CHECK(QueryRig::is_over(rig.core.failed(ENETUNREACH, "connect", kStart)));
    CHECK(rig.concluded().failure->source == Source::line);
    CHECK(rig.concluded().failure->code == "ENETUNREACH");
}
