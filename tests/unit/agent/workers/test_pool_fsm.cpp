#include "agent/workers/pool_fsm.hpp"

#include <doctest/doctest.h>
#include <netinet/in.h>

#include "protocol/json/described.hpp"
#include "tests/unit/agent/results.hpp"
#include "tests/unit/agent/workers/line_infos.hpp"

using namespace edge;
using namespace edge::agent;
using namespace std::chrono_literals;

namespace {

using Texts = std::vector<std::string>;

std::string text_of(const Finished& finished) {
    const auto& result = finished.result;
    std::string text =
        "deliver " + std::to_string(result.task_id.bytes[15]) + " " + std::string(enum_text(result.status));
    if (result.failure)
        text += " " + std::string(enum_text(result.failure->source)) + "/" + result.failure->phase + "/" +
                result.failure->code;
    return text + (result.evidence.verified ? " verified" : "");
}

std::string text_of(const PoolAction& action) {
    struct Visitor {
        std::string operator()(const SpawnWorker& one) { return "spawn " + one.line.text(); }
        std::string operator()(const SendFrame& one) {
            const bool run = std::holds_alternative<worker::Run>(one.frame);
            return (run ? "run on " : "cancel on ") + std::to_string(one.worker);
        }
        std::string operator()(const KillWorker& one) { return "kill " + std::to_string(one.worker); }
        std::string operator()(const DropWorker& one) { return "drop " + std::to_string(one.worker); }
        std::string operator()(const AskRoute& one) {
            const auto& [destination, protocol, port] = one.flow;
            const std::string by = protocol == 0 ? "" : " " + std::to_string(protocol) + ":" + std::to_string(port);
            return "route " + one.line.text() + " " + destination + by;
        }
        std::string operator()(const Deliver& one) { return text_of(one.finished); }
        std::string operator()(const Answer& one) {
            return "answer " + std::to_string(one.id) + " " + std::string(enum_text(one.report.status)) +
                   (one.report.failure ? " " + one.report.failure->code : "");
        }
        std::string operator()(const Show& one) { return "show " + std::string(enum_text(one.progress.kind)); }
        std::string operator()(const LinesChanged&) { return "lines changed"; }
        std::string operator()(const PoolNote& one) { return "note " + one.text.substr(0, one.text.find(' ')); }
    };
    return std::visit(Visitor{}, action);
}

Texts texts_of(const PoolActions& actions) {
    Texts texts;
    for (const auto& action : actions) texts.push_back(text_of(action));
    return texts;
}

struct PoolRig {
    PoolFsm pool;
    Moment now{Time{} + 100s, 1'000'000'000};

    explicit PoolRig(PoolSettings settings = {1, 2}) : pool(settings) { pool.launcher_up(); }

    void pass(std::chrono::milliseconds time) {
        now.steady += time;
        now.wall_us += static_cast<std::uint64_t>(time.count()) * 1000;
    }
    Texts line(bool up = true) { return texts_of(pool.line(line_from(line_info(0, "telecom", up)).value(), now)); }
    Texts ready(WorkerId worker) {
        pool.spawned(line_name("telecom"), worker, now);
        return texts_of(pool.frame(worker, worker::Ready{"1", "seccomp"}, now));
    }
    void warm() {
        line();
        ready(1);
    }
    Texts submit(std::uint8_t number, const char* line = "telecom") {
        return texts_of(pool.submit(ping_task(number, line), now, now));
    }
    Texts done(WorkerId worker, std::uint64_t key, ProbeReport report) {
        return texts_of(pool.frame(worker, worker::Done{key, std::move(report)}, now));
    }
    Texts answer(RouteAnswer route, Flow flow) {
        return texts_of(pool.route(line_name("telecom"), flow, std::move(route), now));
    }
    Texts answer(RouteAnswer route, const char* destination = "192.0.2.1") {
        return answer(std::move(route), Flow{destination});
    }
};

ProbeReport good(const char* source = "100.64.1.2") {
    ProbeReport report;
    report.status = Status::ok;
    report.sockets = {SocketFacts{source, 0, "192.0.2.1", 0, "wan0", 0x101}};
    return report;
}

ProbeReport timed_out() {
    return failed_report(Status::failed, Source::target, "wait", "timeout", "no answer");
}

RouteAnswer route_of(launcher::Route route) {
    return route_from(route);
}

}  // namespace

TEST_CASE("workers that began before the policy changed are replaced, a busy one after its last task") {
    PoolRig rig;  // one worker a line
    rig.warm();
    SUBCASE("idle") {
        CHECK(texts_of(rig.pool.renew(rig.now)) == Texts{"kill 1"});
    }
    SUBCASE("busy") {
        CHECK(rig.submit(1) == Texts{"run on 1"});
        CHECK(texts_of(rig.pool.renew(rig.now)).empty());
        CHECK(rig.submit(2) == Texts{"spawn telecom"});
        CHECK(rig.ready(2) == Texts{"note worker_ready", "run on 2"});
        CHECK(rig.done(1, 1, good()) == Texts{"kill 1", "route telecom 192.0.2.1"});
        return;
    }
    CHECK(texts_of(rig.pool.exited(1, launcher::ExitReason::signaled, 9, rig.now)).empty());
    CHECK(texts_of(rig.pool.hung_up(1, rig.now)) == Texts{"drop 1", "spawn telecom"});  // at once: it is no failure
    CHECK(rig.ready(2) == Texts{"note worker_ready"});
}

TEST_CASE("a line that is up gets one warm worker, a line that is down none") {
    PoolRig rig;
    CHECK(rig.line(false).empty());
    CHECK(rig.line() == Texts{"spawn telecom"});
    CHECK(rig.line().empty());
    CHECK(rig.ready(1) == Texts{"note worker_ready"});
    CHECK(rig.line().empty());
}

TEST_CASE("a task goes to the warm worker, and its answer is delivered when the kernel's route is known") {
    PoolRig rig;
    rig.warm();
    CHECK(rig.submit(1) == Texts{"run on 1"});
    CHECK(texts_of(rig.pool.frame(1, worker::Progress{1, Json{{"seq", 0}}}, rig.now)) ==
          Texts{"show started", "show data"});
    CHECK(rig.done(1, 1, good()) == Texts{"route telecom 192.0.2.1"});
    CHECK(rig.pool.tasks() == 1);
    CHECK(rig.answer(route_of(good_route())) == Texts{"deliver 1 ok verified"});
    CHECK(rig.pool.tasks() == 0);
}

TEST_CASE("a task that runs for longer than a moment is shown to run, once, and one that has ended is not") {
    PoolRig rig({1, 8});
    rig.warm();
    for (std::uint8_t i = 1; i <= 3; ++i) rig.submit(i);
    rig.done(1, 1, good());
    rig.answer(route_of(good_route()));
    CHECK(rig.pool.deadline() == rig.now.steady + 100ms);
    rig.pass(99ms);
    CHECK(texts_of(rig.pool.tick(rig.now)).empty());
    rig.done(1, 2, good());
    rig.pass(1ms);
    CHECK(texts_of(rig.pool.tick(rig.now)) == Texts{"show started"});
    CHECK(texts_of(rig.pool.frame(1, worker::Progress{3, {}}, rig.now)) == Texts{"show data"});
    rig.pass(1s);
    CHECK(texts_of(rig.pool.tick(rig.now)).empty());
}

TEST_CASE("the kernel is asked once a second for one destination, and once for many at once") {
    PoolRig rig({1, 8});
    rig.warm();
    for (std::uint8_t i = 1; i <= 4; ++i) rig.submit(i);
    CHECK(rig.done(1, 1, good()) == Texts{"route telecom 192.0.2.1"});
    CHECK(rig.done(1, 2, good()).empty());
    CHECK(rig.answer(route_of(good_route())) == Texts{"deliver 1 ok verified", "deliver 2 ok verified"});
    CHECK(rig.done(1, 3, good()) == Texts{"deliver 3 ok verified"});
    SUBCASE("after a second") {
        rig.pass(1s);
    }
    SUBCASE("after the line was told again, since its way may be another") {
        (void)rig.pool.line(line_from(line_info(0, "telecom", true)).value(), rig.now);
    }
    CHECK(rig.done(1, 4, good()) == Texts{"route telecom 192.0.2.1"});
}

TEST_CASE("a worker's word alone verifies nothing") {
    PoolRig rig;
    rig.warm();
    rig.submit(1);
    SUBCASE("a source address of another line") {
        rig.done(1, 1, good("100.64.2.2"));
        CHECK(rig.answer(route_of(good_route())) == Texts{"deliver 1 failed line/check/unverified"});
    }
    SUBCASE("a route by another device") {
        rig.done(1, 1, good());
        auto route = good_route();
        std::strcpy(route.ifname, "wan1");
        CHECK(rig.answer(route_of(route)) == Texts{"deliver 1 failed line/check/unverified"});
    }
    SUBCASE("no socket at all") {
        ProbeReport report;
        report.status = Status::ok;
        CHECK(rig.done(1, 1, report) == Texts{"deliver 1 failed line/check/unverified"});
    }
    SUBCASE("a launcher that cannot say") {
        rig.done(1, 1, good());
        CHECK(texts_of(rig.pool.route(line_name("telecom"), Flow{"192.0.2.1"}, std::nullopt, rig.now)) ==
              Texts{"deliver 1 failed line/check/unverified"});
    }
}

TEST_CASE("every socket of a probe is verified, each destination asked for once") {
    PoolRig rig({1, 8});
    rig.warm();
    for (std::uint8_t i = 1; i <= 3; ++i) rig.submit(i);
    ProbeReport report = good();
    report.sockets.push_back(report.sockets[0]);
    report.sockets.push_back({"100.64.1.2", 0, "192.0.2.2", 0, "wan0", 0x101});
    CHECK(rig.done(1, 1, report) == Texts{"route telecom 192.0.2.1", "route telecom 192.0.2.2"});
    CHECK(rig.answer(route_of(good_route())).empty());
    CHECK(rig.answer(route_of(good_route()), "192.0.2.2") == Texts{"deliver 1 ok verified"});

    SUBCASE("the last went by another route") {
        rig.pass(1s);
        auto astray = good_route();
        std::strcpy(astray.ifname, "wan1");
        rig.done(1, 2, report);
        rig.answer(route_of(astray), "192.0.2.2");
        CHECK(rig.answer(route_of(good_route())) == Texts{"deliver 2 failed line/check/unverified"});
    }
    SUBCASE("the last had the address of another line") {
        report.sockets[2].src_addr = "100.64.2.2";
        CHECK(rig.done(1, 2, report) == Texts{"deliver 2 failed line/check/unverified"});
    }
    SUBCASE("one went to what is no address") {
        report.sockets[1].dst_addr = "nowhere";
        CHECK(rig.done(1, 2, report) == Texts{"deliver 2 failed line/check/unverified"});
    }
    SUBCASE("one is known, the other has to be asked for") {
        report.sockets[2].dst_addr = "192.0.2.3";
        CHECK(rig.done(1, 2, report) == Texts{"route telecom 192.0.2.3"});
        CHECK(rig.answer(route_of(good_route()), "192.0.2.3") == Texts{"deliver 2 ok verified"});
    }
    SUBCASE("more than any probe has") {
        report.sockets.clear();
        for (int i = 0; i < 1000; ++i)
            report.sockets.push_back({"100.64.1.2", 0, "198.18.0." + std::to_string(i % 256), 0, "wan0", 0x101});
        CHECK(rig.done(1, 2, report).size() == kMaxSockets);
        Texts texts;
        for (int i = 0; i < 16; ++i)
            texts = rig.answer(route_of(good_route()), ("198.18.0." + std::to_string(i)).c_str());
        CHECK(texts == Texts{"deliver 2 failed line/check/unverified"});
    }
}

TEST_CASE("two ports of one address are two questions, and so are two protocols of one port") {
    PoolRig rig({1, 8});
    rig.warm();
    for (std::uint8_t i = 1; i <= 3; ++i) rig.submit(i);
    const Flow web{"192.0.2.1", IPPROTO_TCP, 80}, tls{"192.0.2.1", IPPROTO_TCP, 443},
        quic{"192.0.2.1", IPPROTO_UDP, 443};
    const auto by = [](std::initializer_list<Flow> flows) {
        ProbeReport report = good();
        report.sockets.clear();
        for (const Flow& flow : flows)
            report.sockets.push_back({"100.64.1.2", 0, flow.destination, flow.port, "wan0", 0x101, flow.protocol});
        return report;
    };
    CHECK(rig.done(1, 1, by({web, tls, web})) ==
          Texts{"route telecom 192.0.2.1 6:80", "route telecom 192.0.2.1 6:443"});
    CHECK(rig.answer(route_of(good_route()), tls).empty());
    auto astray = good_route();
    astray.table = 200;
    CHECK(rig.answer(route_of(astray), web) == Texts{"deliver 1 failed line/check/unverified"});
    CHECK(rig.done(1, 2, by({tls})) == Texts{"deliver 2 ok verified"});  // known, and not by the other port's answer
    CHECK(rig.done(1, 3, by({quic})) == Texts{"route telecom 192.0.2.1 17:443"});
    CHECK(rig.answer(route_of(good_route()), quic) == Texts{"deliver 3 ok verified"});
}

TEST_CASE("tasks beyond what a worker takes wait in order, and start when one ended") {
    PoolRig rig;
    rig.warm();
    rig.submit(1);
    rig.submit(2);
    CHECK(rig.submit(3).empty());
    CHECK(rig.done(1, 1, good()) == Texts{"route telecom 192.0.2.1", "run on 1"});
}

TEST_CASE("a second worker is started when the first is full, up to the bound") {
    PoolRig rig({2, 1});
    rig.warm();
    rig.submit(1);
    CHECK(rig.submit(2) == Texts{"spawn telecom"});
    CHECK(rig.submit(3).empty());
    CHECK(rig.ready(2) == Texts{"note worker_ready", "run on 2"});
}

TEST_CASE("tasks that come before the worker is ready wait for it") {
    PoolRig rig;
    rig.line();
    CHECK(rig.submit(1).empty());
    CHECK(rig.ready(1) == Texts{"note worker_ready", "run on 1"});
}

TEST_CASE("a task that cannot start is answered at once") {
    PoolRig rig;
    SUBCASE("the line is down") {
        rig.line(false);
        CHECK(rig.submit(1) == Texts{"deliver 1 failed line/start/link_down"});
    }
    SUBCASE("there is no such line") {
        CHECK(rig.submit(1, "satellite") == Texts{"deliver 1 failed agent/start/no_such_line"});
    }
    SUBCASE("there is no launcher") {
        rig.pool.launcher_down(rig.now);
        CHECK(rig.submit(1) == Texts{"deliver 1 failed agent/start/launcher_unavailable"});
    }
    SUBCASE("the line goes down while it waits") {
        rig.line();
        rig.submit(1);
        CHECK(rig.line(false) == Texts{"deliver 1 failed line/start/link_down"});
    }
    SUBCASE("no worker can be made") {
        rig.line();
        rig.submit(1);
        CHECK(texts_of(rig.pool.spawn_failed(line_name("telecom"), "no cgroup", rig.now)) ==
              Texts{"note worker_spawn_failed", "lines changed", "deliver 1 failed agent/start/worker_spawn_failed"});
    }
    CHECK(rig.pool.tasks() == 0);
}

TEST_CASE("a line whose workers do not start is degraded, says why, and is well again with the first that does") {
    PoolRig rig;
    rig.line();
    const auto line = [&] { return rig.pool.lines().at(0); };
    CHECK(line().state == link::LineState::up);
    SUBCASE("none can be made") {
        CHECK(texts_of(rig.pool.spawn_failed(line_name("telecom"), "no cgroup", rig.now)) ==
              Texts{"note worker_spawn_failed", "lines changed"});
        CHECK(line().reason == "no worker starts: no cgroup");
        rig.pass(5s);
        rig.pool.tick(rig.now);
        // It is said once.
        CHECK(texts_of(rig.pool.spawn_failed(line_name("telecom"), "no memory", rig.now)) ==
              Texts{"note worker_spawn_failed"});
        CHECK(line().reason == "no worker starts: no memory");
    }
    SUBCASE("it ends before it is ready") {
        rig.pool.spawned(line_name("telecom"), 1, rig.now);
        rig.pool.exited(1, launcher::ExitReason::oom, 9, rig.now);
        const Texts texts = texts_of(rig.pool.hung_up(1, rig.now));
        CHECK(std::count(texts.begin(), texts.end(), "lines changed") == 1);
        CHECK(line().reason == "no worker starts: the worker used more memory than its sandbox has");
    }
    CHECK(line().state == link::LineState::degraded);
    rig.pass(5s);
    rig.pool.tick(rig.now);
    CHECK(rig.ready(2) == Texts{"note worker_ready", "lines changed"});
    CHECK(line().state == link::LineState::up);
    CHECK(line().reason.empty());
    // One that dies of a task is no news of the line.
    rig.pool.exited(2, launcher::ExitReason::signaled, 11, rig.now);
    rig.pool.hung_up(2, rig.now);
    CHECK(line().state == link::LineState::up);
}

TEST_CASE("while another worker of the line is ready, or starts, one that did not start is no news of the line") {
    PoolRig rig({2, 1});
    const auto ends_before_ready = [&](WorkerId worker) {
        rig.pool.exited(worker, launcher::ExitReason::signaled, 9, rig.now);
        rig.pool.hung_up(worker, rig.now);
        return rig.pool.lines().at(0).state;
    };
    rig.line();
    SUBCASE("ready") {
        rig.ready(1);
    }
    SUBCASE("starting") {
        rig.pool.spawned(line_name("telecom"), 1, rig.now);
    }
    rig.submit(1);
    rig.submit(2);
    rig.pool.spawned(line_name("telecom"), 2, rig.now);
    CHECK(ends_before_ready(2) == link::LineState::up);
    rig.pool.exited(1, launcher::ExitReason::signaled, 9, rig.now);
    rig.pool.hung_up(1, rig.now);
    rig.pass(5s);
    rig.pool.tick(rig.now);
    rig.pool.spawned(line_name("telecom"), 3, rig.now);
    rig.pool.spawned(line_name("telecom"), 4, rig.now);
    ends_before_ready(3);
    CHECK(ends_before_ready(4) == link::LineState::degraded);  // nothing is left
}

TEST_CASE("a task that waited longer than start_within is refused as expired") {
    PoolRig rig;
    rig.line();
    rig.submit(1);
    rig.pass(59'999ms);
    for (const auto& text : texts_of(rig.pool.tick(rig.now))) CHECK(!text.starts_with("deliver"));
    rig.pass(1ms);
    CHECK(texts_of(rig.pool.tick(rig.now)) == Texts{"deliver 1 refused agent/start/expired"});
}

TEST_CASE("how long a task waited and ran is told") {
    PoolRig rig;
    rig.line();
    rig.submit(1);
    rig.pass(30ms);
    rig.ready(1);
    rig.pass(20ms);
    rig.done(1, 1, good());
    const auto actions = rig.pool.route(line_name("telecom"), Flow{"192.0.2.1"}, route_of(good_route()), rig.now);
    const auto& result = std::get<Deliver>(actions.at(0)).finished.result;
    CHECK(result.queued_us == 30'000);
    CHECK(result.ended_us - result.started_us == 20'000);
}

TEST_CASE("a cancellation ends what waits and asks the worker about what runs") {
    PoolRig rig({1, 1});
    rig.warm();
    rig.submit(1);
    rig.submit(2);
    CHECK(texts_of(rig.pool.cancel({task_id(2), 1}, rig.now)) == Texts{"deliver 2 refused agent/start/canceled"});
    CHECK(texts_of(rig.pool.cancel({task_id(1), 1}, rig.now)) == Texts{"cancel on 1"});
    CHECK(texts_of(rig.pool.cancel({task_id(9), 1}, rig.now)).empty());
    CHECK(texts_of(rig.pool.cancel({task_id(1), 2}, rig.now)).empty());
    CHECK(rig.done(1, 1, failed_report(Status::failed, Source::agent, "wait", "canceled", "")) ==
          Texts{"deliver 1 failed agent/wait/canceled"});
    CHECK(rig.submit(3) == Texts{"run on 1"});
}

TEST_CASE("a worker that does not answer in time is killed, and only the stuck task is called wedged") {
    PoolRig rig;
    rig.warm();
    rig.submit(1);
    rig.pass(1s);
    rig.submit(2);
    rig.pass(5'999ms);
    CHECK(texts_of(rig.pool.tick(rig.now)) == Texts{"show started", "show started"});
    rig.pass(1ms);
    CHECK(texts_of(rig.pool.tick(rig.now)) ==
          Texts{"deliver 1 failed agent/wait/worker_wedged", "note worker_wedged", "kill 1"});
    CHECK(rig.submit(3).empty());
    CHECK(texts_of(rig.pool.exited(1, launcher::ExitReason::killed, 9, rig.now)).empty());
    CHECK(texts_of(rig.pool.hung_up(1, rig.now)) == Texts{"deliver 2 failed agent/wait/worker_lost", "drop 1"});
    rig.pass(500ms);
    CHECK(texts_of(rig.pool.tick(rig.now)) == Texts{"spawn telecom"});
    CHECK(rig.ready(2) == Texts{"note worker_ready", "run on 2"});
}

TEST_CASE("a worker that answers twice, or what it was never asked, is broken") {
    for (const std::uint64_t answered : {1u, 7u}) {
        CAPTURE(answered);
        PoolRig rig;
        rig.warm();
        rig.submit(1);
        rig.submit(2);
        rig.done(1, 1, good());
        CHECK(rig.done(1, answered, good()) == Texts{"note worker_broken", "kill 1"});
        CHECK(rig.done(1, answered, good()).empty());  // once is enough
        CHECK(rig.submit(3).empty());
        rig.pool.exited(1, launcher::ExitReason::killed, 9, rig.now);
        CHECK(texts_of(rig.pool.hung_up(1, rig.now)) == Texts{"deliver 2 failed agent/wait/worker_broken", "drop 1"});
    }
}

TEST_CASE("a late answer of a worker that is to die is not heard, and other answers of it still are") {
    PoolRig rig;
    rig.warm();
    rig.submit(1);
    rig.pass(1s);
    rig.submit(2);
    rig.pass(1s);
    rig.pool.tick(rig.now);
    rig.pass(5s);
    CHECK(texts_of(rig.pool.tick(rig.now)).back() == "kill 1");
    CHECK(rig.done(1, 1, good()).empty());
    CHECK(rig.done(1, 2, good()) == Texts{"route telecom 192.0.2.1"});
}

TEST_CASE("a worker that crashed fails its tasks, and running out of memory is told apart") {
    struct Case {
        const char* name;
        launcher::ExitReason reason;
        const char* code;
    };
    for (const Case& one : {Case{"signal", launcher::ExitReason::signaled, "worker_crashed"},
                            Case{"status", launcher::ExitReason::exited, "worker_crashed"},
                            Case{"memory", launcher::ExitReason::oom, "worker_oom"}}) {
        for (const bool socket_first : {true, false}) {
            SUBCASE((std::string(one.name) + (socket_first ? ", the socket first" : ", the launcher first")).c_str()) {
                PoolRig rig;
                rig.warm();
                rig.submit(1);
                Texts texts;
                const auto exit = [&] { return texts_of(rig.pool.exited(1, one.reason, 11, rig.now)); };
                const auto hang_up = [&] { return texts_of(rig.pool.hung_up(1, rig.now)); };
                const Texts first = socket_first ? hang_up() : exit();
                const Texts second = socket_first ? exit() : hang_up();
                const std::string delivered = std::string("deliver 1 failed agent/wait/") + one.code;
                CHECK(std::count(second.begin(), second.end(), delivered) == 1);
                CHECK(std::count(first.begin(), first.end(), delivered) == 0);
                CHECK(rig.pool.tasks() == 0);
            }
        }
    }
}

TEST_CASE("what a worker said before it died counts") {
    PoolRig rig;
    rig.warm();
    rig.submit(1);
    rig.pool.exited(1, launcher::ExitReason::exited, 0, rig.now);
    CHECK(rig.done(1, 1, good()) == Texts{"route telecom 192.0.2.1"});
    CHECK(rig.answer(route_of(good_route())) == Texts{"deliver 1 ok verified"});
}

TEST_CASE("of the two signs of a worker's end one is enough after a while") {
    PoolRig rig;
    rig.warm();
    rig.submit(1);
    SUBCASE("only the socket") {
        rig.pool.hung_up(1, rig.now);
    }
    SUBCASE("only the launcher") {
        rig.pool.exited(1, launcher::ExitReason::exited, 1, rig.now);
    }
    rig.pass(500ms);
    const Texts texts = texts_of(rig.pool.tick(rig.now));
    CHECK(std::count(texts.begin(), texts.end(), "drop 1") == 1);
    CHECK(rig.pool.tasks() == 0);
}

TEST_CASE("a worker that keeps dying is started less and less often, one that lived is started at once") {
    PoolRig rig;
    rig.line();
    const auto die = [&](WorkerId worker) {
        rig.pool.exited(worker, launcher::ExitReason::exited, 1, rig.now);
        return texts_of(rig.pool.hung_up(worker, rig.now)).back();
    };
    std::chrono::milliseconds before{0};
    for (WorkerId worker = 1; worker <= 9; ++worker) {
        rig.ready(worker);
        CHECK(die(worker) == "drop " + std::to_string(worker));
        const auto wait =
            std::chrono::duration_cast<std::chrono::milliseconds>(rig.pool.deadline().value() - rig.now.steady);
        CHECK(wait >= before);
        CHECK(wait <= 32s);
        before = wait;
        rig.pass(wait);
        CHECK(texts_of(rig.pool.tick(rig.now)) == Texts{"spawn telecom"});
    }
    rig.ready(20);
    rig.pass(10s);
    CHECK(die(20) == "spawn telecom");
}

TEST_CASE("a worker that is not ready in time is killed") {
    PoolRig rig;
    rig.line();
    rig.pool.spawned(line_name("telecom"), 1, rig.now);
    rig.pass(30s);
    CHECK(texts_of(rig.pool.tick(rig.now)) == Texts{"note worker_not_ready", "kill 1"});
    rig.pass(5s);
    const Texts texts = texts_of(rig.pool.tick(rig.now));  // nobody confirmed the kill
    CHECK(texts.front() == "drop 1");
}

TEST_CASE("a worker that talks nonsense is killed") {
    PoolRig rig;
    rig.warm();
    rig.submit(1);
    SUBCASE("no frame") {
        CHECK(texts_of(rig.pool.broken(1, "bad", rig.now)) == Texts{"note worker_broken", "kill 1"});
    }
    SUBCASE("an agent's frame") {
        CHECK(texts_of(rig.pool.frame(1, worker::Cancel{1}, rig.now)) == Texts{"note worker_broken", "kill 1"});
    }
    SUBCASE("ready twice") {
        CHECK(texts_of(rig.pool.frame(1, worker::Ready{"1", ""}, rig.now)) == Texts{"note worker_broken", "kill 1"});
    }
    SUBCASE("progress of nothing") {
        CHECK(texts_of(rig.pool.frame(1, worker::Progress{77, {}}, rig.now)).empty());
    }
    SUBCASE("a worker nobody knows") {
        CHECK(rig.done(5, 1, good()).empty());
    }
}

TEST_CASE("a probe that failed while its line was down failed because of the line") {
    PoolRig rig;
    rig.warm();
    rig.submit(1);
    SUBCASE("the launcher said so before") {
        rig.line(false);
        rig.done(1, 1, timed_out());
        auto route = good_route();
        route.link_up = 0;
        CHECK(rig.answer(route_of(route), "100.64.1.1") == Texts{"deliver 1 failed line/wait/timeout"});
    }
    SUBCASE("the route's answer says so first") {
        CHECK(rig.done(1, 1, timed_out()) == Texts{"route telecom 100.64.1.1"});
        auto route = good_route();
        route.link_up = 0;
        CHECK(rig.answer(route_of(route), "100.64.1.1") == Texts{"deliver 1 failed line/wait/timeout"});
    }
    SUBCASE("the line is fine") {
        rig.done(1, 1, timed_out());
        CHECK(rig.answer(route_of(good_route()), "100.64.1.1") == Texts{"deliver 1 failed target/wait/timeout"});
    }
}

TEST_CASE("a failure asks again where a success would have believed the last second") {
    PoolRig rig({1, 8});
    rig.warm();
    for (std::uint8_t i = 1; i <= 3; ++i) rig.submit(i);
    rig.done(1, 1, good());
    rig.answer(route_of(good_route()));
    rig.pass(100ms);
    CHECK(rig.done(1, 2, good()) == Texts{"deliver 2 ok verified"});
    auto failed = timed_out();
    failed.sockets = good().sockets;
    CHECK(rig.done(1, 3, failed) == Texts{"route telecom 192.0.2.1"});
}

TEST_CASE("when the launcher goes every task ends, and its lines are unknown until it is back") {
    PoolRig rig({1, 2});
    rig.warm();
    for (std::uint8_t i = 1; i <= 4; ++i) rig.submit(i);
    rig.done(1, 1, good());  // verifying
    Texts texts = texts_of(rig.pool.launcher_down(rig.now));
    std::sort(texts.begin(), texts.end());
    CHECK(texts == Texts{"deliver 1 failed line/check/unverified", "deliver 2 failed agent/wait/worker_lost",
                         "deliver 3 failed agent/wait/worker_lost", "deliver 4 failed agent/start/launcher_unavailable",
                         "drop 1"});
    CHECK(rig.pool.lines().at(0).state == link::LineState::unknown);
    CHECK(!rig.pool.deadline());
    rig.pool.launcher_up();
    CHECK(rig.line() == Texts{"spawn telecom"});
}

// ── health: probes of our own, and lines that take no work ──

namespace {

OwnProbe own_probe(std::uint64_t id) {
    PingSpec spec;
    spec.target = "192.0.2.1";
    return {id, line_name("telecom"), spec};
}

Standing standing_down() {
    return {link::LineState::down, "nothing answers", false, std::nullopt};
}

}  // namespace

TEST_CASE("a line that the next launcher does not have is forgotten, one that it has stays") {
    PoolRig rig;
    rig.warm();
    rig.pool.line(line_from(line_info(1, "unicom", true)).value(), rig.now);
    rig.pool.launcher_down(rig.now);
    rig.pool.launcher_up();
    rig.line();
    rig.pool.keep_only({line_name("telecom")});
    REQUIRE(rig.pool.lines().size() == 1);
    CHECK(rig.pool.lines().at(0).name == line_name("telecom"));
    CHECK(rig.submit(1, "unicom") == Texts{"deliver 1 failed agent/start/no_such_line"});
    rig.pool.keep_only({});  // a worker of it is starting
    CHECK(rig.pool.lines().size() == 1);
}

TEST_CASE("a probe of our own is run like a task, but neither shown nor counted nor delivered") {
    PoolRig rig;
    rig.warm();
    CHECK(texts_of(rig.pool.probe(own_probe(7), rig.now)) == Texts{"run on 1"});
    CHECK(rig.pool.tasks() == 0);
    CHECK(texts_of(rig.pool.frame(1, worker::Progress{1, Json{{"seq", 0}}}, rig.now)).empty());
    CHECK(rig.done(1, 1, good()) == Texts{"route telecom 192.0.2.1"});
    CHECK(rig.answer(route_of(good_route())) == Texts{"answer 7 ok"});
    CHECK(rig.pool.tasks() == 0);
    CHECK(!rig.pool.deadline());
}

TEST_CASE("a probe of our own goes before the tasks that wait") {
    PoolRig rig({1, 1});
    rig.warm();
    rig.submit(1);
    rig.submit(2);
    CHECK(texts_of(rig.pool.probe(own_probe(7), rig.now)).empty());
    rig.done(1, 1, good());
    CHECK(rig.pool.tasks() == 2);
    CHECK(rig.done(1, 3, timed_out()) == Texts{"route telecom 100.64.1.1", "run on 1"});
}

TEST_CASE("a line that is judged down refuses tasks at once, those that wait too, and is asked all the same") {
    PoolRig rig({1, 1});
    rig.warm();
    rig.submit(1);
    rig.submit(2);
    CHECK(texts_of(rig.pool.judge(line_name("telecom"), standing_down(), rig.now)) ==
          Texts{"deliver 2 failed line/start/line_down"});
    CHECK(rig.submit(3) == Texts{"deliver 3 failed line/start/line_down"});
    CHECK(rig.pool.lines().at(0).reason == "nothing answers");
    rig.pool.probe(own_probe(7), rig.now);
    CHECK(texts_of(rig.pool.judge(line_name("telecom"), standing_down(), rig.now)).empty());
    const Texts next = rig.done(1, 1, good());
    CHECK(std::ranges::find(next, "run on 1") != next.end());
    rig.pool.judge(line_name("telecom"), Standing{}, rig.now);
    CHECK(rig.submit(4).empty());  // it waits for the worker, which is full
}

TEST_CASE("other lines take work while one is judged down") {
    PoolRig rig;
    rig.warm();
    rig.pool.judge(line_name("unicom"), standing_down(), rig.now);
    CHECK(rig.submit(1) == Texts{"run on 1"});
}

TEST_CASE("a disabled line gets no worker, and says why it takes no task") {
    PoolRig rig;
    rig.pool.judge(line_name("telecom"), {link::LineState::disabled, "agent.toml says so", false, std::nullopt},
                   rig.now);
    CHECK(rig.line().empty());
    CHECK(!rig.pool.deadline());
    CHECK(rig.submit(1) == Texts{"deliver 1 failed line/start/line_disabled"});
}

TEST_CASE("a line that is disabled while tasks run is draining until they are done, and then has no worker") {
    const Standing disabled{link::LineState::disabled, "agent.toml says so", false, std::nullopt};
    PoolRig rig({1, 1});
    rig.warm();
    rig.submit(1);
    rig.submit(2);
    CHECK(texts_of(rig.pool.judge(line_name("telecom"), disabled, rig.now)) ==
          Texts{"deliver 2 failed line/start/line_disabled"});
    CHECK(rig.pool.lines().at(0).state == link::LineState::draining);
    CHECK(rig.pool.lines().at(0).reason == "agent.toml says so; 1 task is still running");
    CHECK(rig.submit(3) == Texts{"deliver 3 failed line/start/line_disabled"});
    rig.done(1, 1, good());
    CHECK(rig.answer(route_of(good_route())) == Texts{"deliver 1 ok verified", "kill 1", "lines changed"});
    CHECK(rig.pool.lines().at(0).state == link::LineState::disabled);
    rig.pool.exited(1, launcher::ExitReason::killed, 9, rig.now);
    CHECK(texts_of(rig.pool.hung_up(1, rig.now)) == Texts{"drop 1"});
    CHECK(texts_of(rig.pool.judge(line_name("telecom"), Standing{}, rig.now)) == Texts{"spawn telecom"});
}

TEST_CASE("a worker that comes to be after its line was disabled is ended, and a probe of our own makes no other") {
    const Standing disabled{link::LineState::disabled, "agent.toml says so", false, std::nullopt};
    PoolRig rig;
    rig.line();
    rig.pool.probe(own_probe(7), rig.now);
    CHECK(texts_of(rig.pool.judge(line_name("telecom"), disabled, rig.now)) == Texts{"answer 7 failed line_disabled"});
    CHECK(texts_of(rig.pool.spawned(line_name("telecom"), 1, rig.now)) == Texts{"kill 1"});
    CHECK(texts_of(rig.pool.probe(own_probe(8), rig.now)) == Texts{"answer 8 failed line_disabled"});
    rig.pool.exited(1, launcher::ExitReason::killed, 9, rig.now);
    CHECK(texts_of(rig.pool.hung_up(1, rig.now)) == Texts{"drop 1"});
    CHECK(!rig.pool.deadline());
}

TEST_CASE("a probe of our own is answered whatever dies") {
    PoolRig rig;
    CHECK(texts_of(rig.pool.probe(own_probe(1), rig.now)) == Texts{"answer 1 failed launcher_unavailable"});
    rig.line(false);
    CHECK(texts_of(rig.pool.probe(own_probe(2), rig.now)) == Texts{"answer 2 failed link_down"});
    rig.warm();
    rig.pool.probe(own_probe(3), rig.now);
    const Texts after = texts_of(rig.pool.launcher_down(rig.now));
    CHECK(std::ranges::find(after, "answer 3 failed worker_lost") != after.end());
    CHECK(rig.pool.lines().at(0).state == link::LineState::unknown);
}
