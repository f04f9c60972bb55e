// The whole agent in front of a scripted broker, without a launcher.
#include <doctest/doctest.h>
#include <signal.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include "agent/agent.hpp"
#include "tests/unit/agent/forgetful_disk.hpp"
#include "tests/unit/agent/link/scripted_broker.hpp"
#include "tests/unit/agent/results.hpp"

using namespace edge;
using namespace edge::agent;
using namespace std::chrono_literals;

namespace {

SigningKey key() {
    return SigningKey::from_secret(Digest{1}).value();
}

/// Runs the agent until it ends by itself; false if it has to be stopped.
bool run(const ScriptedBroker& broker, Disk& state, Spool& spool, std::uint32_t spool_mb) {
    boost::asio::io_context io(1);
    Settings settings;
    settings.agent.launcher = "/nonexistent/launcher.sock";
    settings.agent.spool_mb = spool_mb;
    settings.agent.drain_ms = 60'000;  // an agent with nothing to do does not wait that long
    systemd::Notifier nobody({}, *spdlog::default_logger());
    Agent agent(
        io, settings, Joined{Identity{}, NodeKeys(state, key()), {broker.endpoint()}}, state, spool,
        [] { return std::optional<LineSettings>(); }, nobody);
    bool in_time = true;
    boost::asio::steady_timer limit(io, 15s);
    limit.async_wait([&](const boost::system::error_code& error) {
        if (error) return;
        in_time = false;
        io.stop();
    });
    REQUIRE(agent.run());
    return in_time;
}

link::Welcome welcome() {
    link::Welcome one;
    one.join_counter = 1;
    one.work_from = 1;
    one.credit = {1000, 16 * 1024 * 1024};
    return one;
}

void need(bool holds, const char* what) {
    if (!holds) throw std::runtime_error(what);
}

}  // namespace

TEST_CASE("above the spool's limit no work is asked for, and below it again work is; SIGTERM says goaway") {
    ForgetfulDisk state, disk;
    auto spool = Spool::open(disk, {.segment_bytes = 256 * 1024});
    REQUIRE(spool);
    const std::string detail = "\"" + std::string(200'000, 'd') + "\"";
    for (std::uint8_t i = 1; i <= 6; ++i) {
        spool.value().finish(result_of(i, detail.size()), detail);
        REQUIRE(spool.value().commit());
    }
    ScriptedBroker broker({[&](ScriptedConnection& one) {
        one.shake_hands(key().public_key(), welcome(), 0);
        for (std::uint64_t n = 1; n <= 6; ++n) need(one.expect<link::TaskResult>().n == n, "another result");
        one.send(link::ResultAck{6});
        need(one.expect<link::Credit>().upto_n == 768, "another credit");
        ::kill(::getpid(), SIGTERM);
        need(one.expect<link::Goaway>().reason == link::GoawayReason::maintenance, "another reason");
        need(one.expect<link::Credit>().upto_n == 0, "credit while it drains");
        one.receive();  // until it is closed
    }});
    CHECK(run(broker, state, spool.value(), 1));
    CHECK(broker.finish().find("closed") != std::string::npos);
}

TEST_CASE("work is neither acknowledged nor started before its accept is on the disk") {
    ForgetfulDisk state, disk;
    auto spool = Spool::open(disk);
    REQUIRE(spool);
    disk.fail_append(ENOSPC);  // there is space again for the next try, which comes a second later
    ScriptedBroker broker({[&](ScriptedConnection& one) {
        one.shake_hands(key().public_key(), welcome());
        const Moment sent = moment_now();
        one.send(ping_task(1));
        need(one.expect<link::WorkAck>().n == 1, "another acknowledgement");
        need(moment_now().steady - sent.steady >= 900ms, "acknowledged while there was no space");
        const auto result = one.expect<link::TaskResult>();
        need(result.started_us >= sent.wall_us + 900'000, "started while there was no space");
        one.send(link::ResultAck{1});
        ::kill(::getpid(), SIGTERM);
        while (true) one.next();  // until it is closed
    }});
    CHECK(run(broker, state, spool.value(), 1));
    const std::string end = broker.finish();
    CHECK_MESSAGE(end.find("closed") != std::string::npos, end);
}
