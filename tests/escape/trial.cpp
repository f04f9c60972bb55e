#include "trial.hpp"

#include <dirent.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <stdexcept>

namespace edge::escape {
namespace {

using namespace launcher;
using namespace launcher::test;
using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

#ifdef EDGE_SANITIZED
constexpr int kMemoryMb = 512;
#else
constexpr int kMemoryMb = 64;
#endif
constexpr auto kPatience = 60s;         // an attempt that must answer: given up on only when it hangs
constexpr auto kBombBurnsFor = 1500ms;  // one that goes on until it is killed
constexpr const char* kLines[] = {"telecom", "unicom"};

Flags flags_with(const std::vector<std::string>& more) {
    const char* probe = std::getenv("EDGE_PROBE");
    if (probe == nullptr) throw std::runtime_error("EDGE_PROBE is not set; run this by ./dev test escape");
    Flags flags;
    flags.probe = probe;
    flags.more = more;
    return flags;
}

Client connected(LauncherProcess& launcher) {
    if (!launcher.says("ready lines=2")) throw std::runtime_error("the launcher does not start:\n" + launcher.log());
    return Client(launcher.socket());
}

/// The lines that come from a worker: until two (`trying` and the outcome), its end, or the time.
std::vector<std::string> lines_from(const Fd& channel, std::chrono::milliseconds patience) {
    auto until = Clock::now() + kPatience;  // to start; the second line has `patience`
    std::string text;
    std::vector<std::string> lines;
    while (lines.size() < 2) {
        if (const auto end = text.find('\n'); end != std::string::npos) {
            lines.push_back(text.substr(0, end));
            text.erase(0, end + 1);
            until = Clock::now() + patience;
            continue;
        }
        if (text.size() > 4096) break;  // a flood
        const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - Clock::now()).count();
        pollfd waiting{channel.get(), POLLIN, 0};
        if (left <= 0 || ::poll(&waiting, 1, static_cast<int>(left)) <= 0) break;
        char buffer[512];
        const ssize_t n = ::recv(channel.get(), buffer, sizeof buffer, 0);
        if (n <= 0) break;
        text.append(buffer, static_cast<std::size_t>(n));
    }
    return lines;
}

std::string ended_as(const WorkerExited& exited) {
    switch (exited.reason) {
        case ExitReason::oom:
            return "killed: out of its memory";
        case ExitReason::killed:
            return "killed by the launcher";
        case ExitReason::signaled:
            return "killed: " + std::string(::sigabbrev_np(exited.code));
        case ExitReason::exited:
            break;
    }
    return "exit " + std::to_string(exited.code);
}

std::string processes_of(unsigned uid) {
    std::string found;
    DIR* proc = ::opendir("/proc");
    while (const dirent* entry = ::readdir(proc)) {
        const int pid = std::atoi(entry->d_name);
        std::ifstream status("/proc/" + std::to_string(pid) + "/status");
        for (std::string line; pid > 0 && std::getline(status, line);)
            if (line.starts_with("Uid:") && line.find("\t" + std::to_string(uid) + "\t") != std::string::npos)
                found += " process " + std::to_string(pid);
    }
    ::closedir(proc);
    return found;
}

/// Sockets of the uid in this network namespace: the eighth word of each line of /proc/net/udp and its like.
std::string sockets_of(unsigned uid) {
    std::string found;
    for (const std::string table : {"tcp", "tcp6", "udp", "udp6", "raw", "raw6", "icmp", "icmp6"}) {
        std::ifstream in("/proc/net/" + table);
        for (std::string line; std::getline(in, line);) {
            std::istringstream words(line);
            std::string word;
            for (int i = 0; i < 8; ++i) words >> word;
            if (word == std::to_string(uid)) found += " " + table + " socket";
        }
    }
    return found;
}

std::string joined(const std::vector<std::string>& words) {
    std::string text;
    for (const auto& word : words) text += (text.empty() ? "" : ", ") + word;
    return text;
}

Verdict judge(PayloadAim aim, const std::vector<std::string>& lines, const WorkerExited& exited, const Packets& strays,
              const Packets& honest, const std::string& left, bool by_packets) {
    const std::string end = ended_as(exited);
    if (!strays.empty()) return {true, false, "arrived: " + joined(strays)};
    if (!left.empty()) return {true, false, "left behind: " + left};
    if (lines.empty() || lines[0] != "trying")
        return {false, true, "it did not try: " + (lines.empty() ? end : lines[0])};
    const std::string outcome = lines.size() > 1 ? lines[1] : "";
    if (aim == PayloadAim::honest) {
        const bool fine = outcome.starts_with("through") && honest.size() >= 2;
        return {false, !fine, fine ? "arrived: " + joined(honest) : "what is allowed did not arrive: " + outcome};
    }
    const bool sends = aim == PayloadAim::line || aim == PayloadAim::target;
    const bool is_socket =
        outcome == "through a socket";  // of a protocol that the wide filter refuses, by whatever guard
    if (outcome.starts_with("through") && sends && by_packets && !is_socket)
        return {false, false, "nothing arrived: " + outcome};
    if (outcome.starts_with("through")) return {true, false, outcome};
    if (!outcome.empty()) return {false, false, outcome};
    if (exited.reason == ExitReason::exited) return {true, false, end + " of something else than the payload"};
    if (exited.reason == ExitReason::killed && aim != PayloadAim::host) return {false, true, "it did not answer"};
    return {false, false, end};
}

}  // namespace

World::World(const std::vector<std::string>& more, bool by_packets)
    : by_packets_(by_packets),
      carriers_(shared_carriers()),
      sentinels_(carriers_),
      launcher_((folder_.write("policy.toml", policy_toml(100, kMemoryMb)), folder_), flags_with(more)),
      client_(connected(launcher_)) {}

std::string World::facts(int line) const {
    const std::string own = std::to_string(line + 1), other = std::to_string(2 - line);
    const std::string other_device = "wan" + std::to_string(1 - line), own_device = "wan" + std::to_string(line);
    return "target4=" + std::string(kTarget4) + " target6=" + kTarget6 + " port=" + std::to_string(kPort) +
           " closed_port=5301 own_index=" + std::to_string(::if_nametoindex(own_device.c_str())) +
           " own_address4=100.64." + own + ".2 own_address6=fd64:" + own + "::2 own_gateway4=100.64." + own +
           ".1 own_gateway6=fd64:" + own + "::1 other_device=" + other_device +
           " other_index=" + std::to_string(::if_nametoindex(other_device.c_str())) +
           " other_mark=" + std::to_string(0x100 + 2 - line) + " other_address4=100.64." + other +
           ".2 other_address6=fd64:" + other + "::2 other_gateway4=100.64." + other +
           ".1 other_gateway6=fd64:" + other + "::1 program=" + std::getenv("EDGE_PROBE") +
           " pids=" + std::to_string(launcher_.pid()) + "," + std::to_string(::getpid()) +
           ",2 paths=" + folder_.path() + "/policy.toml," + folder_.path() + "/lines.toml," + launcher_.socket() + "\n";
}

std::string World::remains(int line, const Spawned& worker) {
    const std::string group = own_group() + "/line-" + kLines[line] + "/worker-" + std::to_string(worker.worker);
    std::string left;
    const auto until = Clock::now() + kPatience;
    do {  // the launcher empties a group in its own time; each question is a turn of its loop
        (void)client_.ask_header_only<HostInfo>(Type::get_host);
        left = groups_named(group);
    } while (!left.empty() && Clock::now() < until);
    return left + processes_of(worker.uid) + sockets_of(worker.uid);
}

Verdict World::attempt(int line, std::uint32_t payload, bool sealed) {
    const auto aim = kPayloads[payload].aim;
    sentinels_.begin();
    Fd channel;
    const auto spawned =
        client_.ask<Spawned>(Type::attempt, Attempt{line_name(kLines[line]), payload, sealed ? 1U : 0U}, &channel);
    if (const auto* error = std::get_if<int>(&spawned)) return {false, true, std::string("spawn: ") + strerror(*error)};
    const Spawned worker = std::get<Spawned>(spawned);
    const std::string told = facts(line);
    (void)!::send(channel.get(), told.data(), told.size(), MSG_NOSIGNAL);

    const bool bomb = aim == PayloadAim::host;
    const auto lines = lines_from(channel, bomb ? kBombBurnsFor : std::chrono::milliseconds(kPatience));
    (void)client_.ask<Done>(Type::kill, Kill{worker.worker});  // it may have ended by itself
    auto exited = client_.event<WorkerExited>(Type::worker_exited);
    while (exited && exited->worker != worker.worker) exited = client_.event<WorkerExited>(Type::worker_exited);
    if (!exited) return {true, false, "it was killed and did not end"};
    return judge(aim, lines, *exited, sentinels_.strays(line), sentinels_.honest(line), remains(line, worker),
                 by_packets_);
}

}  // namespace edge::escape
