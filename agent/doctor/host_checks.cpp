#include <sys/syscall.h>
#include <sys/timex.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <fstream>

#include "agent/disk/posix_disk.hpp"
#include "agent/doctor/checks.hpp"
#include "agent/link/https_post.hpp"
#include "agent/link/identity.hpp"
#include "agent/link/link_state.hpp"
#include "agent/proxy_setting.hpp"
#include "agent/site_report/running.hpp"
#include "protocol/launcher/ping_groups.hpp"

namespace edge::agent {
namespace {

std::string text_in(const std::string& file) {
    std::ifstream in(file);
    std::string text((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
    while (!text.empty() && text.back() == '\n') text.pop_back();
    return text;
}

void check_version(Diagnosis& diagnosis) {
    utsname name{};
    ::uname(&name);
    int major = 0, minor = 0;
    std::sscanf(name.release, "%d.%d", &major, &minor);
    if (major > 6 || (major == 6 && minor >= 1))
        diagnosis.add(FindingLevel::ok, "kernel", std::string("Linux ") + name.release);
    else
        diagnosis.add(FindingLevel::warn, "kernel",
                      std::string("Linux ") + name.release + " is older than 6.1, the oldest that is tested",
                      "apt-get install linux-image-amd64");
}

void check_cgroups(Diagnosis& diagnosis) {
    const bool v2 = text_in("/proc/self/mountinfo").find(" - cgroup2 ") != std::string::npos;
    if (v2)
        diagnosis.add(FindingLevel::ok, "cgroups", "a version 2 tree is mounted");
    else
        diagnosis.add(FindingLevel::fail, "cgroups", "no version 2 tree is mounted, so no guard can be attached",
                      "mkdir -p /sys/fs/cgroup/unified && mount -t cgroup2 none /sys/fs/cgroup/unified");
}

void check_namespaces(Diagnosis& diagnosis) {
    const std::string most = text_in("/proc/sys/user/max_user_namespaces");
    if (most != "0")
        diagnosis.add(FindingLevel::ok, "namespaces", "user namespaces are allowed");
    else
        diagnosis.add(FindingLevel::fail, "namespaces", "user namespaces are off, so no sandbox can be made",
                      "sysctl -w user.max_user_namespaces=1024");
}

void check_confinement(Diagnosis& diagnosis) {
    if (text_in("/proc/sys/kernel/seccomp/actions_avail").find("kill_process") != std::string::npos)
        diagnosis.add(FindingLevel::ok, "seccomp", "filters can be put on");
    else
        diagnosis.add(FindingLevel::fail, "seccomp",
                      "the kernel has no seccomp filters; it needs CONFIG_SECCOMP_FILTER");
    constexpr long kCreateRuleset = 444, kVersion = 1;
    const long abi = ::syscall(kCreateRuleset, nullptr, 0, kVersion);
    if (abi >= 1)
        diagnosis.add(FindingLevel::ok, "landlock", "version " + std::to_string(abi));
    else
        diagnosis.add(FindingLevel::warn, "landlock", "not there; workers do without this layer",
                      "add landlock to lsm= on the kernel's command line");
}

/// Why there is no state to read, and what to do.
std::pair<std::string, std::string> without_state(const std::string& directory, const Error& why) {
    if (why.code == Errc::denied) return {why.message(), "run doctor as root, or as the agent's user"};
    if (why.code != Errc::not_found)
        return {why.message(), "set [agent] state_dir of agent.toml to the agent's folder"};
    const bool is_default = directory == AgentSettings{}.state_dir;
    return {directory + " is not there" + (is_default ? ", and agent.toml names no other state_dir" : ""),
            "set [agent] state_dir of agent.toml to the folder the agent runs with, or: install -d -m 0700 -o USER " +
                directory + ", with the agent's user"};
}

void check_clock(Diagnosis& diagnosis) {
    timex state{};
    if (::adjtimex(&state) < 0 || (state.status & STA_UNSYNC) != 0)
        diagnosis.add(FindingLevel::warn, "clock", "nothing keeps it right; results would carry wrong times",
                      "timedatectl set-ntp true");
    else
        diagnosis.add(FindingLevel::ok, "clock", "kept right, to " + std::to_string(state.maxerror / 1000) + " ms");
}

}  // namespace

bool systemd_runs() {
    return ::access("/run/systemd/system", F_OK) == 0;
}

std::string unit_command(const std::string& verb, const std::string& units) {
    return (systemd_runs() ? "systemctl " : "") + verb + " " + units;
}

std::string launcher_log_command() {
    return systemd_runs() ? "journalctl -u edge-launcher | grep -e line_incomplete -e network_refused"
                          : "look for line_incomplete and network_refused in edge-launcher's log";
}

void check_kernel(Diagnosis& diagnosis) {
    check_version(diagnosis);
    check_cgroups(diagnosis);
    check_namespaces(diagnosis);
    check_confinement(diagnosis);
    check_clock(diagnosis);
}

void check_ping(const launcher::HostInfo& host, Diagnosis& diagnosis) {
    const std::uint64_t first = host.gid_base, last = first + host.uids - 1;
    const auto command = launcher::ping_command(text_in("/proc/sys/net/ipv4/ping_group_range"), first, last);
    if (!command) return diagnosis.add(FindingLevel::ok, "ping", "allowed to the workers' groups");
    diagnosis.add(FindingLevel::fail, "ping",
                  "groups " + std::to_string(first) + " to " + std::to_string(last) + " may not make ping sockets",
                  *command);
}

void check_launcher(const std::string& socket, const launcher::HostInfo& host, Diagnosis& diagnosis) {
    const std::string status = text_in("/proc/" + std::to_string(listener_of(socket)) + "/status");
    const auto at = status.find("CapEff:\t");
    if (at == std::string::npos)
        return diagnosis.add(FindingLevel::warn, "launcher",
                             "its capabilities cannot be seen; /proc hides processes here");
    const auto held = std::strtoull(status.c_str() + at + 8, nullptr, 16);
    if (host.cgroup_mode == launcher::CgroupMode::none) {
        if (held == 0)
            diagnosis.add(FindingLevel::ok, "launcher", "an ordinary user's, without a capability");
        else
            diagnosis.add(FindingLevel::fail, "launcher",
                          "not root's, and it holds a capability; is it of this version?");
        return diagnosis.add(
            FindingLevel::warn, "launcher",
            "nothing limits the cpu, memory and processes of its workers, nor what the kernel counts for a user "
            "(descriptors in flight, inotify), since they have its uid",
            "run edge-launcher as root: docs/lines.md");
    }
    // cap_kill 5, setgid 6, setuid 7, net_admin 12, bpf 39
    constexpr unsigned long long kFive = 0x80000010e0ULL;
    if ((held & ~kFive) == 0)
        diagnosis.add(FindingLevel::ok, "launcher",
                      "five capabilities, " +
                          std::string(host.cgroup_mode == launcher::CgroupMode::v2 ? "pure" : "hybrid") +
                          " control groups");
    else
        diagnosis.add(FindingLevel::fail, "launcher",
                      "it holds more capabilities than it needs; is it of this version?",
                      unit_command("restart", "edge-launcher"));
}

void check_broker(const Settings& settings, Diagnosis& diagnosis) {
    const auto fail = [&](const std::string& what, const std::string& fix) {
        diagnosis.add(FindingLevel::fail, "broker", what, fix);
    };
    auto state = PosixDisk::open(settings.agent.state_dir);
    if (!state) {
        const auto [what, fix] = without_state(settings.agent.state_dir, state.error());
        return fail(what, fix);
    }
    const auto identity = load_identity(state.value());
    if (!identity) return fail("this node has joined none", "edge-agent enroll URL --token-file FILE");
    const auto endpoint = endpoint_of(identity.value());
    if (!endpoint)
        return fail("identity.json: " + endpoint.error().message(), "edge-agent enroll URL --token-file FILE");
    const auto& uplinks = settings.link.uplinks;
    const bool by_host = uplinks.empty() || std::ranges::find(uplinks, link::kHostUplink) != uplinks.end();
    if (!by_host) return;  // it is reached over lines alone: check_uplinks
    const auto proxy = proxy_of(settings.link);
    if (!proxy) return fail(proxy.error().message(), "edge-agent --check-config");
    for (const Endpoint& broker : brokers_of(settings.link.brokers, endpoint.value())) {
        const std::string url = "https://" + broker.authority();
        // An enrolment without a token is refused, which only the broker with the pinned key can say.
        const auto answer = https_post(broker, "/edge/v1/enroll", "{}", std::chrono::seconds(5), proxy.value());
        if (answer)
            diagnosis.add(FindingLevel::ok, "broker", url + " answers, with the pinned key");
        else
            fail(url + ": " + answer.error().message(),
                 "openssl s_client -connect " + broker.authority() + " </dev/null");
    }
}

void check_agent(const Settings& settings, Diagnosis& diagnosis) {
    const std::string& directory = settings.agent.state_dir;
    if (::access(directory.c_str(), X_OK) != 0) return;  // check_broker has said so
    if (const pid_t pid = holder_of(directory + "/lock"); pid != 0) {
        const std::string runs = "runs, pid " + std::to_string(pid);
        auto state = PosixDisk::open(directory);
        const auto link = state ? load_link_state(state.value()) : Result<LinkState>(state.error());
        if (!link) return diagnosis.add(FindingLevel::ok, "agent", runs);
        if (link.value().connected)
            return diagnosis.add(FindingLevel::ok, "agent", runs + ", connected to " + link.value().broker);
        return diagnosis.add(FindingLevel::fail, "agent",
                             runs + ", not connected to " + link.value().broker + ": " + link.value().why);
    }
    diagnosis.add(FindingLevel::fail, "agent", "none runs with " + directory + ", so this node takes no tasks",
                  unit_command("start", "edge-agent"));
}

}  // namespace edge::agent
