// Who is served, what is refused, and whose workers are whose.
#include <doctest/doctest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/launcher/os/sha256.hpp"
#include "carriers.hpp"
#include "launcher_process.hpp"

using namespace edge::launcher;
using namespace edge::launcher::test;

namespace {

constexpr uid_t kAgent = 61'234;

struct Running {
    Running() { REQUIRE_MESSAGE(launcher.says("ready"), launcher.log()); }
    Carriers& carriers = shared_carriers();
    ConfigFolder folder;
    Flags flags{.agent_uid = kAgent};
    LauncherProcess launcher{folder, flags};
};

/// Runs `body` as another uid; its answer.
template <class Body>
bool as_user(uid_t uid, const Body& body) {
    const pid_t pid = ::fork();
    if (pid == 0) {
        if (::setresuid(uid, uid, uid) != 0) ::_exit(2);
        bool good = false;
        try {
            good = body();
        } catch (const std::exception&) {
        }
        ::_exit(good ? 0 : 1);
    }
    int status = 0;
    ::waitpid(pid, &status, 0);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

}  // namespace

TEST_CASE("the socket is the agent's, and serves the agent and root") {
    Running up;
    struct stat info {};
    REQUIRE(::stat(up.launcher.socket().c_str(), &info) == 0);
    CHECK(info.st_uid == kAgent);
    CHECK((info.st_mode & 07777) == 0600);
    const auto serves = [&] { return std::string(Client(up.launcher.socket()).line(0).name.text) == "telecom"; };
    CHECK(serves());
    CHECK(as_user(kAgent, serves));
    CHECK_FALSE(as_user(kAgent + 1, serves));
    ::chmod(up.launcher.socket().c_str(), 0666);  // even if the file let them
    CHECK_FALSE(as_user(kAgent + 1, serves));
    CHECK(up.launcher.says("client_refused uid=61235"));
}

TEST_CASE("a host tells what it is") {
    Running up;
    Client client(up.launcher.socket());
    const auto host = std::get<HostInfo>(client.ask_header_only<HostInfo>(Type::get_host));
    CHECK(host.cgroup_mode != CgroupMode::none);
    CHECK(host.worker_slots == 256);
    CHECK(host.enforcement == Enforcement::bpf_guard);
    CHECK(std::string(host.kernel) + "\n" == output_of("uname -r"));
    const auto digest = sha256(policy_toml());
    CHECK(std::memcmp(digest.data(), host.policy_hash, sizeof host.policy_hash) == 0);
}

TEST_CASE("a packet that is no request ends the connection, and only that one") {
    Running up;
    Client good(up.launcher.socket());
    auto worker = good.spawn("telecom");
    const auto closed_by = [&](const Bytes& packet) {
        Client bad(up.launcher.socket());
        bad.send(packet);
        return bad.is_closed();
    };
    auto packet = packet_of(Type::get_line, 1, GetLine{0});
    const auto changed = [&](std::size_t at, int value) {
        auto copy = packet;
        copy[at] = static_cast<std::byte>(value);
        return copy;
    };
    CHECK(closed_by(Bytes(3)));
    CHECK(closed_by(changed(0, 0)));                          // magic
    CHECK(closed_by(changed(offsetof(Header, version), 9)));  //
    CHECK(closed_by(changed(offsetof(Header, type), 99)));    //
    CHECK(closed_by(changed(offsetof(Header, type), 32)));    // an event is ours to send
    CHECK(closed_by(changed(offsetof(Header, status), 1)));   //
    CHECK(closed_by(Bytes(4096)));                            // longer than any
    packet.push_back(std::byte{0});
    CHECK(closed_by(packet));
    Spawn unterminated;
    std::fill(std::begin(unterminated.line.text), std::end(unterminated.line.text), 'a');
    CHECK(closed_by(packet_of(Type::spawn, 1, unterminated)));
    CHECK(worker.tell("socket 2 1 0") == "ok");
    CHECK(good.line(0).count == 2);
}

TEST_CASE("what is not there is refused with its reason, and the connection stays") {
    Running up;
    Client client(up.launcher.socket());
    CHECK(client.spawn_error("nowhere") == ENOENT);
    CHECK(std::get<int>(client.ask<LineInfo>(Type::get_line, GetLine{7})) == ENOENT);
    CHECK(std::get<int>(client.ask<Done>(Type::kill, Kill{7})) == ENOENT);
    RouteGet nowhere;
    nowhere.line = line_name("telecom");
    nowhere.destination.family = 99;
    CHECK(std::get<int>(client.ask<Route>(Type::route_get, nowhere)) == EINVAL);
    CHECK(client.line(0).count == 2);
}

TEST_CASE("answers that a client is slow to read wait for it, and its workers live on") {
    Running up;
    Client client(up.launcher.socket());
    auto worker = client.spawn("telecom");
    RouteGet question;
    question.line = line_name("telecom");
    question.destination.family = AF_INET;
    constexpr std::uint32_t kMany = 2000;  // a socket holds 280 answers or so
    for (std::uint32_t n = 0; n < kMany; ++n) client.send(packet_of(Type::route_get, 10'000 + n, question));
    CHECK(up.launcher.says("client_slow client="));
    std::uint32_t answered = 0;
    while (answered < kMany && client.event<Route>(Type::route_get)) ++answered;
    CHECK(answered == kMany);
    CHECK(worker.tell("socket 2 1 0") == "ok");
    CHECK(client.line(0).count == 2);  // and it is served as before
}

TEST_CASE("a client's workers end with its connection, another's live on") {
    Running up;
    Client stays(up.launcher.socket());
    auto kept = stays.spawn("telecom");
    {
        Client goes(up.launcher.socket());
        auto lost = goes.spawn("telecom");
        auto wedged = goes.spawn("unicom");
        CHECK(std::get<int>(stays.ask<WorkerStats>(Type::stats, Stats{lost.spawned().worker})) == ENOENT);
        CHECK(std::get<int>(stays.ask<Done>(Type::kill, Kill{lost.spawned().worker})) == ENOENT);
        // Its end of the channel is passed on and stays open: only the launcher can end it now.
        const Fd elsewhere(::dup(wedged.channel().get()));
        goes = Client(up.launcher.socket());  // the first connection closes
        CHECK(up.launcher.says("worker_exited worker=2 "));
        CHECK(up.launcher.says("worker_exited worker=3 "));
        CHECK(wedged.tell("identity") == "gone");
    }
    CHECK(kept.tell("socket 2 1 0") == "ok");
    auto more = stays.spawn("telecom");
    CHECK(more.spawned().worker == 4);
    CHECK(groups_named(own_group() + "/line-telecom/worker-2") == "");
}
