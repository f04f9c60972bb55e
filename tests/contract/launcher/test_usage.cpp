// What the agent may narrow, and what a line's owner pays for: held by the kernel, tried from inside a sandbox.
#include <doctest/doctest.h>
#include <signal.h>

#include <cerrno>
#include <fstream>
#include <optional>

#include "carriers.hpp"
#include "launcher_process.hpp"

using namespace edge::launcher;
using namespace edge::launcher::test;

namespace {

struct Started {
    explicit Started(const std::string& policy) {
        folder.write("lines.toml", lines_toml());
        folder.write("policy.toml", policy);
        start();
    }
    void start() {
        Flags flags;
        flags.more = {"--state", folder.path()};
        launcher.emplace(folder, flags);
        REQUIRE_MESSAGE(launcher->says("ready lines=2"), launcher->log());
        client.emplace(launcher->socket());
    }
    void stop() {
        client.reset();
        launcher->signal(SIGTERM);
        REQUIRE(launcher->exit_code() == 0);
        launcher.reset();
    }
    bool deny(const std::vector<std::string>& targets) { return std::holds_alternative<Done>(client->deny(targets)); }
    LineUsage usage(std::uint32_t line) {
        return std::get<LineUsage>(client->ask<LineUsage>(Type::line_usage, AskUsage{line}));
    }

    Carriers& carriers = shared_carriers();
    ConfigFolder folder;
    std::optional<LauncherProcess> launcher;
    std::optional<Client> client;
};

std::string policy_with(const std::string& line, const std::string& deny = "") {
    return "services = [\"dns\"]\n[targets]\nallow = [\"198.51.100.0/24\", \"2001:db8::/32\"]\ndeny = [" + deny +
           "]\n[line]\n" + line + "\n[worker]\nmemory_mb = 512\n";
}

bool sends(Worker& worker, const std::string& target = "198.51.100.10") {
    return worker.tell("send " + target + " 5300 1") == "1 ok";
}

}  // namespace

TEST_CASE("what the agent denies is no target, of a worker that was there before neither, and nothing reaches it") {
    Started up(policy_with("", "\"198.51.100.20/32\""));
    auto worker = up.client->spawn("telecom");
    REQUIRE(worker.tell("udp 198.51.100.10 5300 3000").starts_with("ok telecom"));
    const int before = up.carriers.arrived(0);
    REQUIRE(up.deny({"198.51.100.10", "2001:db8::11"}));
    CHECK_FALSE(sends(worker));
    CHECK(worker.tell("ping 198.51.100.10") == "EPERM");
    auto later = up.client->spawn("telecom");
    CHECK_FALSE(sends(later));
    CHECK(later.tell("arguments").find("--deny 198.51.100.10/32 --deny 2001:db8::11/128") != std::string::npos);
    CHECK(up.carriers.arrived(0) == before);
    CHECK(worker.tell("udp 2001:db8::10 5300 3000").starts_with("ok telecom"));

    REQUIRE(up.deny({}));  // its own list it may take back, the policy's it may not
    CHECK(sends(worker));
    CHECK_FALSE(sends(worker, "198.51.100.20"));
}

TEST_CASE("the policy is told with what the agent denied") {
    Started up(policy_with("bytes_per_day = 77"));
    REQUIRE(up.deny({"192.0.2.1"}));
    std::uint64_t day = 0;
    std::vector<std::string> denied;
    std::uint32_t parts = 1;
    for (std::uint32_t part = 0; part < parts; ++part) {
        const auto answer = std::get<PolicyPart>(up.client->ask<PolicyPart>(Type::get_policy, GetPolicy{part}));
        parts = answer.parts;
        for (const auto& entry : answer.entries) {
            if (entry.fact == PolicyFact::line_bytes_per_day) day = entry.number;
            if (entry.fact == PolicyFact::deny) denied.push_back(address_in(entry.address)->text());
        }
    }
    CHECK(day == 77);
    CHECK(denied == std::vector<std::string>{"192.0.2.1"});
    CHECK(std::get<int>(up.client->ask<PolicyPart>(Type::get_policy, GetPolicy{parts})) == ENOENT);
}

TEST_CASE("over the day's bytes a line is closed in the kernel, over a restart too, and the other line is not") {
    Started up(policy_with("bytes_per_day = 20000"));
    auto worker = up.client->spawn("telecom");
    auto elsewhere = up.client->spawn("unicom");
    REQUIRE(worker.tell("send 198.51.100.10 5300 400") == "400 ok");  // 31 bytes each
    CHECK(up.usage(0).traffic.sent_bytes == 400 * 31);
    CHECK(up.usage(0).day_bytes >= 400 * 31);  // what came back counts, too
    CHECK(up.client->line(0).closed == Closed::no);
    worker.tell("send 198.51.100.10 5300 400");
    const auto changed = up.client->event<LineInfo>(Type::line_changed);
    REQUIRE(changed);
    CHECK(std::string(changed->name.text) == "telecom");
    CHECK(changed->closed == Closed::day_spent);
    const int before = up.carriers.arrived(0);
    CHECK_FALSE(sends(worker));
    CHECK(worker.tell("udp 198.51.100.10 5300 1").starts_with("socket"));
    CHECK(sends(elsewhere));
    CHECK(up.carriers.arrived(0) == before);

    up.stop();
    up.start();
    CHECK(up.client->line(0).closed == Closed::day_spent);
    CHECK(up.client->line(1).closed == Closed::no);
    auto again = up.client->spawn("telecom");
    CHECK_FALSE(sends(again));
    CHECK(up.usage(0).day_bytes >= 20'000);
}

TEST_CASE("bytes of sandboxes that ended stay counted") {
    Started up(policy_with(""));
    {
        auto worker = up.client->spawn("telecom");
        REQUIRE(worker.tell("send 198.51.100.10 5300 10") == "10 ok");
        REQUIRE(std::holds_alternative<Done>(up.client->ask<Done>(Type::kill, Kill{worker.spawned().worker})));
        REQUIRE(up.client->event<WorkerExited>(Type::worker_exited));
    }
    CHECK(up.usage(0).traffic.sent_packets == 10);
    auto worker = up.client->spawn("telecom");
    REQUIRE(worker.tell("send 198.51.100.10 5300 5") == "5 ok");
    CHECK(up.usage(0).traffic.sent_packets == 15);
    CHECK(up.usage(1).traffic.sent_packets == 0);
}

TEST_CASE("a file of usage that edge-launcher did not write is refused with its place") {
    Started up(policy_with("bytes_per_day = 20000"));
    up.stop();
    std::ofstream(up.folder.path() + "/usage") << "telecom 1 2 3\n";
    Flags flags;
    flags.more = {"--state", up.folder.path()};
    for (int i = 0; i < 2; ++i) {  // the refusal leaves the file as it is
        LauncherProcess launcher(up.folder, flags);
        CHECK(launcher.says(up.folder.path() + "/usage:1: is not what edge-launcher writes; remove the file"));
        CHECK(launcher.exit_code() == 78);
    }
}
