// Workers over real unix sockets: a launcher and its workers that do what a task's target says.
#include <doctest/doctest.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <cerrno>
#include <cstring>
#include <mutex>
#include <thread>

#include "agent/workers/workers.hpp"
#include "tests/unit/agent/results.hpp"
#include "tests/unit/agent/workers/line_infos.hpp"

using namespace edge;
using namespace edge::agent;
using namespace std::chrono_literals;

namespace {

/// Serves one connection at a time until it is destroyed. Lines: telecom (up), unicom (down).
class FakeLauncher {
  public:
    explicit FakeLauncher(std::string path)
        : path_(std::move(path)), listener_(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0)) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::strncpy(address.sun_path, path_.c_str(), sizeof address.sun_path - 1);
        REQUIRE(::bind(listener_.number(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
        REQUIRE(::listen(listener_.number(), 4) == 0);
        thread_ = std::thread([this] { serve(); });
    }
    ~FakeLauncher() {
        leave();
        thread_.join();
        for (auto& one : workers_) one.join();
    }

    /// As if it died: nobody listens, the agent's connection and all workers end.
    void leave() {
        const std::lock_guard lock(mutex_);
        ::unlink(path_.c_str());
        ::shutdown(listener_.number(), SHUT_RDWR);
        if (agent_) ::shutdown(agent_.number(), SHUT_RDWR);
        for (const auto& [number, end] : ends_) ::shutdown(end, SHUT_RDWR);
    }
    /// So many of what is to be denied from now on.
    void refuse_denials(int count) { refusals_ = count; }
    void have_one_line() { lines_ = 1; }
    /// Makes no worker, and does not say so.
    void keep_silent() { silent_ = true; }
    void refuse_policy_parts(int count) { policy_refusals_ = count; }
    void tell(const launcher::LineInfo& line) { send(launcher::Type::line_changed, 0, line); }
    std::vector<std::uint32_t> killed() {
        const std::lock_guard lock(mutex_);
        return killed_;
    }
    std::vector<std::string> denied() {
        const std::lock_guard lock(mutex_);
        return denied_;
    }

  private:
    void serve() {
        while (true) {
            Fd agent(::accept4(listener_.number(), nullptr, nullptr, SOCK_CLOEXEC));
            if (!agent) return;
            const int number = agent.number();
            {
                const std::lock_guard lock(mutex_);
                agent_ = std::move(agent);
            }
            char packet[4096];
            while (true) {
                const ssize_t got = ::recv(number, packet, sizeof packet, 0);
                if (got < static_cast<ssize_t>(sizeof(launcher::Header))) break;
                answer(packet);
            }
        }
    }

    template <class B>
    static B body(const char* packet) {
        launcher::Packet<B> whole;
        std::memcpy(&whole, packet, sizeof whole);
        return whole.body;
    }

    void answer(const char* packet) {
        launcher::Header header;
        std::memcpy(&header, packet, sizeof header);
        switch (header.type) {
            case launcher::Type::get_line: {
                const auto index = body<launcher::GetLine>(packet).index;
                send(header.type, header.serial,
                     index == 0 ? line_info(0, "telecom", true, lines_) : line_info(1, "unicom", false, lines_));
                break;
            }
            case launcher::Type::get_host: {
                launcher::HostInfo host;
                host.policy_hash[0] = 0xAB;
                send(header.type, header.serial, host);
                break;
            }
            case launcher::Type::spawn:
                if (!silent_) spawn(header.serial);
                break;
            case launcher::Type::kill: {
                const auto worker = body<launcher::Kill>(packet).worker;
                {
                    const std::lock_guard lock(mutex_);
                    killed_.push_back(worker);
                    ::shutdown(ends_.at(worker), SHUT_RDWR);
                }
                send(header.type, header.serial, launcher::Done{});
                send(launcher::Type::worker_exited, 0, launcher::WorkerExited{worker, launcher::ExitReason::killed, 9});
                break;
            }
            case launcher::Type::get_policy: {
                if (policy_refusals_ > 0 && policy_refusals_-- > 0) {
                    send(header.type, header.serial, launcher::Failure{}, EIO);
                    break;
                }
                const auto part = body<launcher::GetPolicy>(packet).part;
                launcher::PolicyPart answer{.parts = 2, .part = part, .entries = {}};
                answer.entries[0].fact = launcher::PolicyFact::service;
                std::strcpy(answer.entries[0].text, part == 0 ? "ping" : "dns");
                send(header.type, header.serial, answer);
                break;
            }
            case launcher::Type::deny_targets: {
                if (refusals_ > 0 && refusals_-- > 0) {
                    send(header.type, header.serial, launcher::Failure{}, EAGAIN);
                    break;
                }
                {
                    const std::lock_guard lock(mutex_);
                    denied_.clear();
                    for (const auto& address : body<launcher::DenyTargets>(packet).addresses)
                        if (address.family != 0) denied_.push_back(address_text(address));
                }
                send(header.type, header.serial, launcher::Done{});
                break;
            }
            case launcher::Type::line_usage: {
                launcher::LineUsage usage;
                usage.traffic.sent_bytes = 100 + body<launcher::AskUsage>(packet).index;
                send(header.type, header.serial, usage);
                break;
            }
            case launcher::Type::stats: {
                launcher::WorkerStats stats;
                stats.worker = body<launcher::Stats>(packet).worker;
                stats.cpu_us = 42;
                send(header.type, header.serial, stats);
                break;
            }
            case launcher::Type::route_get: {
                const auto question = body<launcher::RouteGet>(packet);
                auto route = good_route();  // of this one flow, and no other
                if (question.protocol != IPPROTO_UDP || question.port != 53) route.table = 200;
                send(header.type, header.serial, route);
                break;
            }
            default:
                break;
        }
    }

    void spawn(std::uint32_t serial) {
        int pair[2];
        REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
        const Fd theirs(pair[0]);
        const std::uint32_t number = ++last_worker_;
        {
            const std::lock_guard lock(mutex_);
            ends_[number] = pair[1];
        }
        launcher::Packet<launcher::Spawned> packet;
        packet.header = {.type = launcher::Type::spawn, .serial = serial};
        packet.body = {number, 100, 60'000};
        alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))]{};
        iovec piece{&packet, sizeof packet};
        msghdr message{};
        message.msg_iov = &piece;
        message.msg_iovlen = 1;
        message.msg_control = control;
        message.msg_controllen = sizeof control;
        cmsghdr* part = CMSG_FIRSTHDR(&message);
        part->cmsg_level = SOL_SOCKET;
        part->cmsg_type = SCM_RIGHTS;
        part->cmsg_len = CMSG_LEN(sizeof(int));
        const int fd = theirs.number();
        std::memcpy(CMSG_DATA(part), &fd, sizeof fd);
        workers_.emplace_back([this, number, end = pair[1]] { work(number, Fd(end)); });
        {
            const std::lock_guard lock(mutex_);
            (void)::sendmsg(agent_.number(), &message, MSG_NOSIGNAL);
        }
    }

    static void write(int end, const std::string& bytes) {
        (void)::send(end, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    }

    void work(std::uint32_t number, Fd end) {
        write(end.number(), encode_frame(worker::Ready{"1", "seccomp"}));
        worker::FrameReader reader;
        char buffer[65536];
        bool alive = true;
        while (alive) {
            const ssize_t got = ::recv(end.number(), buffer, sizeof buffer, 0);
            if (got <= 0) break;
            reader.push({buffer, static_cast<std::size_t>(got)});
            while (auto text = reader.next().value()) {
                const auto frame = worker::decode_frame(*text);
                if (const auto* run = std::get_if<worker::Run>(&frame.value()))
                    alive = alive && obey(number, end.number(), *run);
            }
        }
        const std::lock_guard lock(mutex_);
        ends_.erase(number);
    }

    /// False: the worker ends here.
    bool obey(std::uint32_t number, int end, const worker::Run& run) {
        const std::string target = run.params["target"];
        if (target == "hang") return true;
        if (target == "die") {
            send(launcher::Type::worker_exited, 0, launcher::WorkerExited{number, launcher::ExitReason::oom, 9});
            return false;
        }
        if (target == "garbage") {
            write(end, std::string("\x00\x00\x00\x04{[}]", 8));
            return true;
        }
        ProbeReport report;
        report.status = Status::ok;
        report.sockets = {SocketFacts{"100.64.1.2", 1, "192.0.2.1", 53, "wan0", 0x101, IPPROTO_UDP}};
        report.detail = Json{{"target", target}};
        write(end, encode_frame(worker::Progress{run.task, Json{{"seq", 0}}}) +
                       encode_frame(worker::Done{run.task, report}));
        return true;
    }

    template <class B>
    void send(launcher::Type type, std::uint32_t serial, const B& content, int status = 0) {
        launcher::Packet<B> packet;
        packet.header = {.type = type, .serial = serial, .status = status};
        packet.body = content;
        const std::lock_guard lock(mutex_);
        if (agent_) (void)::send(agent_.number(), &packet, sizeof packet, MSG_NOSIGNAL);
    }

    std::string path_;
    Fd listener_;
    std::mutex mutex_;
    Fd agent_;
    std::map<std::uint32_t, int> ends_;
    std::vector<std::uint32_t> killed_;
    std::vector<std::string> denied_;
    std::atomic<bool> silent_ = false;
    std::atomic<std::uint32_t> lines_ = 2;
    std::atomic<int> refusals_ = 0, policy_refusals_ = 0;
    std::uint32_t last_worker_ = 0;
    std::vector<std::thread> workers_;
    std::thread thread_;
};

struct WorkersRig : Workers::Listener {
    std::string path = "/tmp/edge-workers-" + std::to_string(::getpid()) + ".sock";
    boost::asio::io_context io;
    std::vector<Finished> finished;
    int progress = 0;
    Workers workers{io, path, {1, 64}, *this};

    void task_finished(Finished one) override { finished.push_back(std::move(one)); }
    void task_progress(link::Progress) override { ++progress; }
    void lines_changed() override {}
    void policy_changed() override { ++policies; }
    int policies = 0;
    void line_seen(const Line&) override {}
    void all_lines_seen() override { ++times_all_seen; }
    int times_all_seen = 0;
    void lines_lost() override {}
    void own_answered(std::uint64_t, const ProbeReport&) override {}

    template <class Done>
    void run_until(Done done) {
        const auto end = std::chrono::steady_clock::now() + 60s;
        while (!done() && std::chrono::steady_clock::now() < end) io.run_one_for(50ms);
        CHECK(done());
    }
    bool line_is(const char* name, link::LineState state) {
        for (const auto& line : workers.lines()) {
            if (line.name.text() == name) return line.state == state;
        }
        return false;
    }
    void submit(std::uint8_t number, const char* target, std::uint32_t run_within_ms = 5000) {
        link::Task task = ping_task(number);
        task.params = Json{{"target", target}};
        task.run_within_ms = run_within_ms;
        workers.submit(std::move(task), moment_now());
    }
    std::string code(std::size_t i) const {
        return finished.at(i).result.failure ? finished[i].result.failure->code : "ok";
    }
};

}  // namespace

TEST_CASE("the launcher's policy is put together, what is denied is told to it, and a service it lacks is refused") {
    WorkersRig rig;
    FakeLauncher launcher(rig.path);
    rig.workers.deny({"198.51.100.1", "2001:db8::1"});  // known before the launcher is
    rig.workers.start();
    rig.run_until([&] { return rig.policies == 1 && rig.line_is("telecom", link::LineState::up); });
    CHECK(rig.workers.policy()->services == std::vector<std::string>{"ping", "dns"});
    CHECK(rig.workers.policy()->hash == rig.workers.policy_hash());
    CHECK(launcher.denied() == std::vector<std::string>{"198.51.100.1", "2001:db8::1"});
    rig.workers.deny({"198.51.100.2"});
    rig.run_until([&] { return rig.policies == 2; });
    CHECK(launcher.denied() == std::vector<std::string>{"198.51.100.2"});
    rig.workers.deny({"198.51.100.2"});  // nothing new: nothing is asked
    // The broker's address is found while the policy is on its way: neither half of one counts with half of the other.
    rig.workers.deny({"198.51.100.3"});
    rig.workers.deny({"198.51.100.4"});
    rig.run_until([&] { return launcher.denied() == std::vector<std::string>{"198.51.100.4"} && rig.policies == 3; });
    CHECK(rig.workers.policy()->services == std::vector<std::string>{"ping", "dns"});

    link::Task task = ping_task(1);
    task.service = Service::http;
    task.params = Json{{"target", "http://lab.test/"}};
    rig.workers.submit(std::move(task), moment_now());
    rig.run_until([&] { return rig.finished.size() == 1; });
    CHECK(rig.code(0) == "denied");
    rig.workers.busy("the host has other things to do");
    rig.submit(2, "lab.test");
    rig.run_until([&] { return rig.finished.size() == 2; });
    CHECK(rig.code(1) == "busy");
    CHECK(rig.policies == 3);

    launcher.refuse_denials(1);
    rig.workers.deny({"198.51.100.5"});
    rig.run_until([&] { return rig.policies == 4; });
    CHECK(launcher.denied() == std::vector<std::string>{"198.51.100.4"});
    rig.run_until([&] { return rig.policies == 5; });  // it was not taken, and is told again
    CHECK(launcher.denied() == std::vector<std::string>{"198.51.100.5"});

    launcher.refuse_policy_parts(1);
    rig.workers.deny({"198.51.100.6"});
    rig.run_until([&] { return rig.policies == 6; });  // asked again
    CHECK(rig.workers.policy()->services == std::vector<std::string>{"ping", "dns"});
}

TEST_CASE("usage is told when all have answered, and is empty without a launcher") {
    WorkersRig rig;
    int told = 0;
    rig.workers.usage([&](const auto& lines, const auto& sandboxes) { told += lines.empty() && sandboxes.empty(); });
    CHECK(told == 1);
    FakeLauncher launcher(rig.path);
    rig.workers.start();
    rig.run_until([&] { return rig.line_is("telecom", link::LineState::up); });
    rig.submit(1, "lab.test");
    rig.run_until([&] { return rig.finished.size() == 1; });
    std::vector<link::LineUsage> lines;
    std::vector<link::SandboxUsage> sandboxes;
    rig.workers.usage([&](auto all, auto boxes) {
        lines = std::move(all);
        sandboxes = std::move(boxes);
        ++told;
    });
    rig.run_until([&] { return told == 2; });
    REQUIRE(lines.size() == 2);
    CHECK(lines[0].name.text() == "telecom");
    CHECK(lines[0].sent_bytes == 100);
    CHECK(lines[1].sent_bytes == 101);
    REQUIRE(sandboxes.size() == 1);
    CHECK(sandboxes[0].cpu_us == 42);
    CHECK(sandboxes[0].line.text() == "telecom");
}

TEST_CASE("lines are learnt, a worker is made, a task is run and verified") {
    WorkersRig rig;
    FakeLauncher launcher(rig.path);
    rig.workers.start();
    rig.run_until(
        [&] { return rig.line_is("telecom", link::LineState::up) && rig.line_is("unicom", link::LineState::down); });
    CHECK(rig.workers.policy_hash().starts_with("ab00"));
    rig.submit(1, "lab.test");
    rig.run_until([&] { return rig.finished.size() == 1; });
    CHECK(rig.finished[0].result.status == Status::ok);
    CHECK(rig.finished[0].result.evidence.verified);
    CHECK(rig.finished[0].result.evidence.route_get->oif == "wan0");
    CHECK(rig.finished[0].detail == R"({"target":"lab.test"})");
    CHECK(rig.progress == 2);
}

TEST_CASE("a thousand tasks all end") {
    WorkersRig rig;
    FakeLauncher launcher(rig.path);
    rig.workers.start();
    rig.run_until([&] { return rig.line_is("telecom", link::LineState::up); });
    for (int i = 0; i < 1000; ++i) {
        link::Task task = ping_task(1);
        task.attempt = static_cast<std::uint32_t>(i);
        task.params = Json{{"target", "lab.test"}};
        rig.workers.submit(std::move(task), moment_now());
    }
    rig.run_until([&] { return rig.finished.size() == 1000; });
    for (const auto& one : rig.finished) CHECK(one.result.status == Status::ok);
    CHECK(rig.workers.tasks() == 0);
}

TEST_CASE("a worker that runs out of memory, talks garbage or hangs fails its tasks and is replaced") {
    struct Case {
        const char* target;
        const char* code;
        std::size_t killed;
    };
    for (const Case& one :
         {Case{"die", "worker_oom", 0}, Case{"garbage", "worker_broken", 1}, Case{"hang", "worker_wedged", 1}}) {
        SUBCASE(one.target) {
            WorkersRig rig;
            FakeLauncher launcher(rig.path);
            rig.workers.start();
            rig.run_until([&] { return rig.line_is("telecom", link::LineState::up); });
            rig.submit(1, one.target, 50);
            rig.run_until([&] { return rig.finished.size() == 1; });
            CHECK(rig.code(0) == one.code);
            rig.run_until([&] { return launcher.killed().size() == one.killed; });
            rig.submit(2, "lab.test");
            rig.run_until([&] { return rig.finished.size() == 2; });
            CHECK(rig.code(1) == "ok");
        }
    }
}

TEST_CASE("a line that goes down answers its tasks at once") {
    WorkersRig rig;
    FakeLauncher launcher(rig.path);
    rig.workers.start();
    rig.run_until([&] { return rig.line_is("telecom", link::LineState::up); });
    launcher.tell(line_info(0, "telecom", false, 2));
    rig.run_until([&] { return rig.line_is("telecom", link::LineState::down); });
    rig.submit(2, "lab.test");
    CHECK(rig.code(0) == "link_down");
    CHECK(rig.finished[0].result.failure->source == Source::line);
}

TEST_CASE("a launcher that goes takes its workers with it, and is found again") {
    WorkersRig rig;
    auto launcher = std::make_unique<FakeLauncher>(rig.path);
    rig.workers.start();
    rig.run_until([&] { return rig.line_is("telecom", link::LineState::up); });
    rig.submit(1, "hang");
    rig.run_until([&] { return rig.progress == 1 && rig.times_all_seen == 1; });
    launcher->leave();
    rig.run_until([&] { return rig.finished.size() == 1; });
    CHECK(rig.code(0) == "worker_lost");
    CHECK(rig.line_is("telecom", link::LineState::unknown));
    launcher = nullptr;
    CHECK(rig.workers.lines().size() == 2);
    launcher = std::make_unique<FakeLauncher>(rig.path);
    launcher->have_one_line();
    rig.run_until([&] { return rig.line_is("telecom", link::LineState::up) && rig.times_all_seen == 2; });
    CHECK(rig.workers.lines().size() == 1);  // the other was taken out of lines.toml
    rig.submit(2, "lab.test");
    rig.run_until([&] { return rig.finished.size() == 2; });
    CHECK(rig.code(1) == "ok");
}

TEST_CASE("a task that waits for its first worker when the launcher goes is told that the launcher went") {
    WorkersRig rig;
    FakeLauncher launcher(rig.path);
    launcher.keep_silent();
    rig.workers.start();
    rig.run_until([&] { return rig.line_is("telecom", link::LineState::up); });
    rig.submit(1, "lab.test");
    launcher.leave();
    rig.run_until([&] { return rig.finished.size() == 1; });
    CHECK(rig.code(0) == "launcher_unavailable");
}

TEST_CASE("who serves the launcher's socket and is neither root nor we is not believed") {
    if (::geteuid() != 0) return;  // nobody else can be played
    struct : LauncherClient::Listener {
        void launcher_up() override { said = "up"; }
        void launcher_down(const Error& why) override { said = why.message(); }
        void line_changed(const launcher::LineInfo&) override {}
        void worker_exited(const launcher::WorkerExited&) override {}
        std::string said;
    } heard;
    const std::string path = "/tmp/edge-impostor-" + std::to_string(::getpid()) + ".sock";
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    const Fd impostor(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
    REQUIRE(::bind(impostor.number(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    REQUIRE(::syscall(SYS_setresuid, -1, 65534, -1) == 0);  // of this thread, as listen(2) notes it
    const int listens = ::listen(impostor.number(), 4);
    REQUIRE(::syscall(SYS_setresuid, -1, 0, -1) == 0);
    REQUIRE(listens == 0);
    boost::asio::io_context io;
    LauncherClient client(io, path, heard);
    client.start();
    CHECK(heard.said.find("is served by uid 65534, not by root") != std::string::npos);
    ::unlink(path.c_str());
}

TEST_CASE("without a launcher tasks fail at once and the lines come when it does") {
    WorkersRig rig;
    rig.workers.start();
    rig.submit(1, "lab.test");
    CHECK(rig.code(0) == "launcher_unavailable");
    FakeLauncher launcher(rig.path);
    rig.run_until([&] { return rig.line_is("telecom", link::LineState::up); });
    rig.submit(2, "lab.test");
    rig.run_until([&] { return rig.finished.size() == 2; });
    CHECK(rig.code(1) == "ok");
}
