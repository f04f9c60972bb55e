// The limits of policy.toml, reached on purpose, and how a worker's end is told.
#include <doctest/doctest.h>
#include <signal.h>

#include <chrono>
#include <thread>
#include <vector>

#include "carriers.hpp"
#include "launcher_process.hpp"

using namespace edge::launcher;
using namespace edge::launcher::test;

namespace {

#ifdef EDGE_SANITIZED
constexpr int kMemoryMb = 256;  // the runtime's own share
#else
constexpr int kMemoryMb = 48;
#endif

int times(const std::string& word, const std::string& text) {
    int count = 0;
    for (auto at = text.find(word); at != std::string::npos; at = text.find(word, at + 1)) ++count;
    return count;
}

struct Limited {
    explicit Limited(const std::string& policy) {
        folder.write("policy.toml", policy);
        launcher.emplace(folder);
        REQUIRE_MESSAGE(launcher->says("ready"), launcher->log());
        client.emplace(launcher->socket());
    }
    WorkerExited end_of(const Worker& worker) {
        const auto exited = client->event<WorkerExited>(Type::worker_exited);
        REQUIRE(exited);
        CHECK(exited->worker == worker.spawned().worker);
        return *exited;
    }
    Carriers& carriers = shared_carriers();
    ConfigFolder folder;
    std::optional<LauncherProcess> launcher;
    std::optional<Client> client;
};

}  // namespace

TEST_CASE("a worker that wants too much memory ends as oom, and its neighbour does not notice") {
    Limited up(policy_toml(100, kMemoryMb));
    auto worker = up.client->spawn("telecom");
    auto neighbour = up.client->spawn("telecom");
    CHECK(worker.tell("memory 8") == "ok");
    const auto stats = up.client->stats(worker);
    CHECK(stats.memory_peak_bytes >= 8U << 20);
    CHECK(stats.memory_peak_bytes <= static_cast<std::uint64_t>(kMemoryMb) << 20);
    CHECK(stats.oom_kills == 0);
    CHECK(worker.tell("memory " + std::to_string(2 * kMemoryMb)) == "gone");
    const auto exited = up.end_of(worker);
    CHECK(exited.reason == ExitReason::oom);
    CHECK(exited.code == SIGKILL);
    CHECK(neighbour.tell("socket 2 1 0") == "ok");
}

TEST_CASE("a worker cannot fork beyond its limit of processes") {
    Limited up(policy_toml(100, kMemoryMb, 4));
    auto worker = up.client->spawn("telecom");
    CHECK(worker.tell("fork 50") == "3 EAGAIN");  // and itself
    CHECK(up.client->stats(worker).pids == 1);
}

TEST_CASE("the host comes before all workers together at its disk") {
    Limited up(policy_toml(100, kMemoryMb));
    auto worker = up.client->spawn("telecom");
    CHECK(worker.tell("identity").starts_with("uid="));
    const auto value_of = [](const std::string& file) {
        return output_of("find /sys/fs/cgroup -path '*/" + own_group() + "/" + file + "' -exec cat {} +");
    };
    // The kernel's own bookkeeping of a process that it has put below the limit: where io is not limited there is none.
    const auto pid = std::to_string(worker.spawned().pid);
    const auto groups = output_of("cat /proc/" + pid + "/cgroup");
    if (value_of("io.max") + value_of("blkio.throttle.read_bps_device") == "") {
        MESSAGE("skipped: / is on no disk whose io can be limited");
        return;
    }
    CHECK((value_of("io.max") + value_of("blkio.throttle.read_bps_device")).find("33554432") != std::string::npos);
    CHECK(groups.find(own_group() + "/line-telecom/worker-") != std::string::npos);
    CHECK((groups.find(":blkio:/" + own_group()) != std::string::npos || value_of("io.max") != ""));
}

TEST_CASE("a worker gets its share of a processor and no more") {
    // A share that a worker gets on a busy machine as well: what never reaches its limit is not held by it.
    Limited up(policy_toml(5, kMemoryMb));
    auto worker = up.client->spawn("telecom");
    CHECK(worker.tell("identity").starts_with("uid="));  // it has started: what follows is the spinning alone
    const auto before = up.client->stats(worker);
    const int used_ms = std::stoi(worker.tell("spin 1000"));
    const auto after = up.client->stats(worker);
    CHECK(used_ms <= 100);  // 50, and a period that had begun
    CHECK(used_ms >= 10);
    CHECK(after.cpu_us - before.cpu_us >= 10'000);
    CHECK(after.throttled_us > before.throttled_us);  // by how much is the machine's business
}

TEST_CASE("whoever else wants the processors has them first") {
    auto policy = policy_toml(100, kMemoryMb);
    policy.replace(policy.find("cpu_first = false"), 17, "cpu_first = true ");
    Limited up(policy);
    auto worker = up.client->spawn("telecom");
    CHECK(worker.tell("identity").starts_with("uid="));
    // It spins in a thread of ours: while others have the processors it may not come to say that it is done.
    std::thread spinning([&] { worker.tell("spin 1000"); });
    const auto before = up.client->stats(worker).cpu_us;
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(1);
    std::vector<std::thread> others;
    for (unsigned i = 0; i < 2 * std::thread::hardware_concurrency(); ++i)
        others.emplace_back([until] {
            while (std::chrono::steady_clock::now() < until) {
            }
        });
    for (auto& other : others) other.join();
    const auto used_us = up.client->stats(worker).cpu_us - before;
    spinning.join();
    CHECK(used_us <= 150'000);  // an equal share would be a third of a second at least
}

TEST_CASE("how a worker ended is told as it was") {
    Limited up(policy_toml());
    SUBCASE("by itself") {
        auto worker = up.client->spawn("unicom");
        CHECK(worker.tell("exit 7") == "gone");
        const auto exited = up.end_of(worker);
        CHECK(exited.reason == ExitReason::exited);
        CHECK(exited.code == 7);
    }
#ifndef EDGE_SANITIZED  // which makes an exit of a crash
    SUBCASE("by a crash") {
        auto worker = up.client->spawn("unicom");
        CHECK(worker.tell("crash") == "gone");
        const auto exited = up.end_of(worker);
        CHECK(exited.reason == ExitReason::signaled);
        CHECK((exited.code == SIGABRT ||
               exited.code == SIGSEGV));  // abort() as init of a pid namespace ends in the latter
    }
#endif
    SUBCASE("by kill") {
        auto worker = up.client->spawn("unicom");
        CHECK(std::holds_alternative<Done>(up.client->ask<Done>(Type::kill, Kill{worker.spawned().worker})));
        const auto exited = up.end_of(worker);
        CHECK(exited.reason == ExitReason::killed);
        CHECK(exited.code == SIGKILL);
        CHECK(worker.tell("identity") == "gone");
    }
    SUBCASE("its end of the channel closes when ours does") {
        auto worker = std::make_unique<Worker>(up.client->spawn("unicom"));
        const auto id = worker->spawned().worker;
        worker.reset();
        const auto exited = up.client->event<WorkerExited>(Type::worker_exited);
        REQUIRE(exited);
        CHECK(exited->worker == id);
        CHECK(exited->reason == ExitReason::exited);
        CHECK_MESSAGE(exited->code == 0, up.launcher->log());
    }
}

TEST_CASE("a worker's standard error is logged, but a flood of it is not") {
    Limited up(policy_toml());
    auto worker = up.client->spawn("telecom");
    CHECK(worker.tell("say 1 hello") == "ok");
    CHECK(up.launcher->says("text=\"hello\""));
    CHECK(worker.tell("say 20000 flood") == "ok");
    CHECK(up.launcher->says("worker_log_dropped"));
    CHECK(times("text=\"hello\"", up.launcher->log()) == 1);
    // Up to the notice alone: by the time we look, the next seconds may have had their lines too.
    const auto log = up.launcher->log().substr(0, up.launcher->log().find("worker_log_dropped"));
    CHECK(times("flood", log) <= 200);  // 20 a second, by unit_launcher; the seconds are a busy machine's
    // It still is, once the flood has run off.
    bool heard = false;
    for (int tries = 0; tries < 100 && !heard; ++tries) {
        worker.tell("say 1 after");
        worker.tell("spin 100");
        heard = up.launcher->log().find("text=\"after\"") != std::string::npos;
    }
    CHECK(heard);
}
