#include "launcher_process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>

#include "carriers.hpp"

namespace edge::launcher::test {
namespace {

constexpr int kPatienceMs = 120'000;  // given up on only when it hangs: sanitizers on a busy machine take their time

const char* required(const char* name) {
    const char* value = std::getenv(name);
    if (value == nullptr) throw std::runtime_error(std::string(name) + " is not set; run this by ctest");
    return value;
}

bool readable(int fd) {
    pollfd waiting{fd, POLLIN, 0};
    return ::poll(&waiting, 1, kPatienceMs) == 1;
}

}  // namespace

ConfigFolder::ConfigFolder() : path_("/tmp/edge-launcher-test.XXXXXX") {
    if (::mkdtemp(path_.data()) == nullptr) throw std::runtime_error("mkdtemp");
    ::chmod(path_.c_str(), 0755);
    write("lines.toml", lines_toml());
    write("policy.toml", policy_toml());
}

ConfigFolder::~ConfigFolder() {
    std::filesystem::remove_all(path_);
}

void ConfigFolder::write(const std::string& name, const std::string& text, int mode) const {
    const std::string file = path_ + "/" + name;
    std::ofstream(file) << text;
    ::chmod(file.c_str(), static_cast<mode_t>(mode));
}

DelegatedGroup::DelegatedGroup(const std::string& name) {
    std::string trees = output_of(
        "awk '$3 == \"cgroup2\" || ($3 == \"cgroup\" && $4 ~ /(^|,)(cpu|memory|pids)(,|$)/) {print $2}' "
        "/proc/self/mounts");
    std::istringstream in(trees);
    for (std::string tree; std::getline(in, tree);) {
        paths_.push_back(tree + "/" + name);
        std::filesystem::create_directory(paths_.back());
        for (const char* controller :
             {"+cpu", "+memory", "+pids"})  // as Delegate= does; a hybrid host's v2 tree has none
            std::ofstream(paths_.back() + "/cgroup.subtree_control") << controller;
    }
}

DelegatedGroup::~DelegatedGroup() {
    for (const auto& path : paths_) ::rmdir(path.c_str());
}

LauncherProcess::LauncherProcess(const ConfigFolder& folder, const Flags& flags)
    : socket_(flags.socket.empty() ? folder.path() + "/" + flags.cgroup + ".sock" : flags.socket) {
    std::vector<std::string> words = flags.before;
    const std::vector<std::string> own{required("EDGE_LAUNCHER"),
                                       "--config",
                                       folder.path(),
                                       "--socket",
                                       socket_,
                                       "--agent-uid",
                                       std::to_string(flags.agent_uid),
                                       "--uid-base",
                                       std::to_string(flags.uid_base),
                                       "--cgroup",
                                       flags.cgroup,
                                       "--probe",
                                       flags.probe.empty() ? required("EDGE_PAYLOAD") : flags.probe,
                                       "--log-level",
                                       "debug"};
    words.insert(words.end(), own.begin(), own.end());
    words.insert(words.end(), flags.more.begin(), flags.more.end());
    std::vector<char*> arguments;
    for (auto& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error("pipe");
    const pid_t suite = ::getpid();
    pid_ = ::fork();
    if (pid_ == 0) {
        ::prctl(PR_SET_PDEATHSIG, SIGTERM);  // or a suite that is killed leaves it running, in a group nobody frees
        if (::getppid() != suite) ::_exit(127);
        ::dup2(ends[1], 2);
        ::execv(arguments[0], arguments.data());
        ::_exit(127);
    }
    ::close(ends[1]);
    reader_ = std::thread([this, in = ends[0]] { read_log(Fd(in)); });
}

LauncherProcess::~LauncherProcess() {
    if (!code_) signal(SIGTERM);
    exit_code();
    reader_.join();
}

void LauncherProcess::read_log(Fd from) {
    char buffer[4096];
    for (ssize_t n = 0; (n = ::read(from.get(), buffer, sizeof buffer)) > 0;) {
        const std::lock_guard lock(mutex_);
        log_.append(buffer, static_cast<std::size_t>(n));
        changed_.notify_all();
    }
    const std::lock_guard lock(mutex_);
    ended_ = true;
    changed_.notify_all();
}

bool LauncherProcess::says(const std::string& text) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, std::chrono::milliseconds(kPatienceMs),
                      [&] { return ended_ || log_.find(text) != std::string::npos; });
    return log_.find(text) != std::string::npos;
}

int LauncherProcess::exit_code() {
    if (code_) return *code_;
    int status = 0;
    ::waitpid(pid_, &status, 0);
    code_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return *code_;
}

void LauncherProcess::signal(int number) const {
    ::kill(pid_, number);
}

std::string LauncherProcess::log() {
    const std::lock_guard lock(mutex_);
    return log_;
}

std::string Worker::tell(const std::string& line) {
    const std::string question = line + "\n";
    if (::send(channel_.get(), question.data(), question.size(), MSG_NOSIGNAL) < 0) return "gone";
    std::string answer;
    char buffer[4096];
    while (answer.empty() || answer.back() != '\n') {
        if (!readable(channel_.get())) return "silence";
        const ssize_t n = ::recv(channel_.get(), buffer, sizeof buffer, 0);
        if (n <= 0) return "gone";
        answer.append(buffer, static_cast<std::size_t>(n));
    }
    answer.pop_back();
    return answer;
}

Client::Client(const std::string& socket) : fd_(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, socket.data(), socket.size());
    if (::connect(fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        throw std::runtime_error("connect " + socket);
    const int room = 8 << 20;  // so that a test may ask much before it reads
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof room);
}

void Client::send(const Bytes& packet) const {
    (void)!::send(fd_.get(), packet.data(), packet.size(), MSG_NOSIGNAL);
}

std::optional<Bytes> Client::receive(Fd* passed) {
    if (!readable(fd_.get())) return std::nullopt;
    Bytes bytes(1024);
    iovec part{bytes.data(), bytes.size()};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))]{};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    const ssize_t n = ::recvmsg(fd_.get(), &message, MSG_CMSG_CLOEXEC);
    if (n <= 0) return std::nullopt;
    bytes.resize(static_cast<std::size_t>(n));
    if (const auto* rights = CMSG_FIRSTHDR(&message); rights != nullptr) {
        int fd = -1;
        std::memcpy(&fd, CMSG_DATA(rights), sizeof fd);
        if (passed != nullptr)
            passed->reset(fd);
        else
            ::close(fd);
    }
    return bytes;
}

Bytes Client::receive_answer(Fd* passed) {
    for (;;) {
        auto bytes = receive(passed);
        if (!bytes) throw std::runtime_error("the launcher closed the connection, or said nothing");
        Header header;
        std::memcpy(&header, bytes->data(), sizeof header);
        if (header.serial == serial_) return *bytes;
        events_.push_back(*bytes);
    }
}

std::optional<Bytes> Client::receive_event(Type type) {
    for (;;) {
        for (auto at = events_.begin(); at != events_.end(); ++at) {
            Header header;
            std::memcpy(&header, at->data(), sizeof header);
            if (header.type != type) continue;
            Bytes found = std::move(*at);
            events_.erase(at);
            return found;
        }
        auto bytes = receive(nullptr);
        if (!bytes) return std::nullopt;
        events_.push_back(std::move(*bytes));
    }
}

std::set<std::string> Client::lines_told() {
    line(0);  // an answer to what was asked after a change comes after what it is told of it
    std::set<std::string> names;
    std::erase_if(events_, [&](const Bytes& packet) {
        Header header;
        std::memcpy(&header, packet.data(), sizeof header);
        if (header.type != Type::line_changed) return false;
        names.insert(std::get<LineInfo>(body_in<LineInfo>(packet)).name.text);
        return true;
    });
    return names;
}

bool Client::is_closed() {
    if (!readable(fd_.get())) return false;
    char byte = 0;
    return ::recv(fd_.get(), &byte, 1, MSG_PEEK) <= 0;
}

LineName line_name(const std::string& text) {
    LineName name;
    std::memcpy(name.text, text.data(), text.size());
    return name;
}

Worker Client::spawn(const std::string& line) {
    Fd channel;
    const auto spawned = ask<Spawned>(Type::spawn, Spawn{line_name(line)}, &channel);
    if (const auto* error = std::get_if<int>(&spawned))
        throw std::runtime_error(std::string("spawn: ") + std::strerror(*error));
    return Worker(std::get<Spawned>(spawned), std::move(channel));
}

int Client::spawn_error(const std::string& line) {
    const auto spawned = ask<Spawned>(Type::spawn, Spawn{line_name(line)});
    return std::holds_alternative<int>(spawned) ? std::get<int>(spawned) : 0;
}

WorkerStats Client::stats(const Worker& worker) {
    return std::get<WorkerStats>(ask<WorkerStats>(Type::stats, Stats{worker.spawned().worker}));
}

std::variant<Done, int> Client::deny(const std::vector<std::string>& targets) {
    DenyTargets body;
    for (std::size_t i = 0; i < targets.size(); ++i) body.addresses[i] = to_wire(IpAddress::parse(targets[i]).value());
    return ask<Done>(Type::deny_targets, body);
}

bool Client::comes_to_route(const std::string& line, const std::string& to) {
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (route(line, to).error != 0)
        if (std::chrono::steady_clock::now() > until) return false;
    return true;
}

Route Client::route(const std::string& line, const std::string& to, std::uint16_t protocol, std::uint16_t port) {
    RouteGet question;
    question.line = line_name(line);
    const auto address = IpAddress::parse(to).value();
    question.destination.family = address.v6 ? AF_INET6 : AF_INET;
    std::memcpy(question.destination.bytes, address.bytes.data(), 16);
    question.protocol = protocol;
    question.port = port;
    return std::get<Route>(ask<Route>(Type::route_get, question));
}

LineInfo Client::line(std::uint32_t index) {
    return std::get<LineInfo>(ask<LineInfo>(Type::get_line, GetLine{index}));
}

std::string lines_toml(const std::string& routes) {
    std::string text;
    for (const std::string n : {"1", "2"})
        text += "[[line]]\nname = \"" + std::string(n == "1" ? "telecom" : "unicom") + "\"\ncarrier = \"" +
                (n == "1" ? "ct" : "cu") + "\"\ndevice = \"wan" + (n == "1" ? "0" : "1") +
                "\"\naddresses = [\"100.64." + n + ".2\", \"fd64:" + n + "::2\"]\ngateway4 = \"100.64." + n +
                ".1\"\ngateway6 = \"fd64:" + n + "::1\"\ntable = 10" + n + "\nmark = 0x10" + n +
                "\nresolvers = [\"198.51.100.10\"]\nroutes = \"" + routes + "\"\n";
    return text;
}

std::string policy_toml(int cpu_percent, int memory_mb, int pids) {
    return "services = [\"dns\", \"ping\"]\n[targets]\nallow = [\"198.51.100.0/24\", \"2001:db8::/32\"]\nports = "
           "[5300]\n[worker]\ncpu_percent = " +
           std::to_string(cpu_percent) + "\nmemory_mb = " + std::to_string(memory_mb) +
           "\npids = " + std::to_string(pids) + "\n[host]\ncpu_first = false\n";
}

std::string groups_named(const std::string& name) {
    return output_of("find /sys/fs/cgroup -type d 2>/dev/null | grep -F '/" + name + "' | sort");
}

}  // namespace edge::launcher::test
