#include "agent/site_report/gather.hpp"

#include <sys/utsname.h>

#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>

#include "agent/disk/posix_disk.hpp"
#include "agent/doctor/launcher_questions.hpp"
#include "agent/link/identity.hpp"
#include "agent/workers/lines.hpp"
#include "protocol/json/described.hpp"

namespace edge::agent {
namespace {

/// Lines of what ip(8) prints of one family; ours have protocol 237. Fixed words: nothing of a user's is in a command.
Result<std::vector<std::string>> ip_says(const std::string& words) {
    const std::string command = "ip " + words + " 2>/dev/null";
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> pipe(::popen(command.c_str(), "r"), ::pclose);
    if (!pipe) return os_error(errno, "ip " + words);
    std::vector<std::string> lines;
    char text[1024];
    while (std::fgets(text, sizeof text, pipe.get()) != nullptr) {
        std::string line(text);
        while (!line.empty() && (line.back() == '\n' || line.back() == ' ')) line.pop_back();
        if (line.find(" proto 237") != std::string::npos) lines.push_back(std::move(line));
    }
    return lines;
}

/// NAME below every tree of control groups, and the groups in it.
std::vector<std::string> groups_below(const std::string& name) {
    std::vector<std::string> found;
    std::ifstream mounts("/proc/self/mounts");
    for (std::string line; std::getline(mounts, line);) {
        std::istringstream words(line);
        std::string source, at, type;
        words >> source >> at >> type;
        std::error_code failed;
        const std::string top = at + "/" + name;
        if ((type != "cgroup" && type != "cgroup2") || !std::filesystem::is_directory(top, failed)) continue;
        found.push_back(top);
        for (const auto& entry : std::filesystem::directory_iterator(top, failed))
            if (entry.is_directory(failed)) found.push_back(entry.path().string());
    }
    return found;
}

std::string first_line_of(const char* file) {
    std::ifstream in(file);
    std::string line;
    std::getline(in, line);
    return line;
}

}  // namespace

Result<SiteFacts> gather_site_facts(const Settings& settings) {
    LauncherQuestions launcher(settings.agent.launcher);
    EDGE_TRY(const auto host, launcher.host());
    EDGE_TRY(const auto lines, launcher.lines());
    SiteFacts facts;
    utsname name{};
    ::uname(&name);
    facts.host = name.nodename;
    facts.kernel = name.release;
    for (const auto& info : lines) {
        EDGE_TRY(const auto line, line_from(info));
        facts.lines.push_back({line.facts.name, line.facts.ifname, std::string(enum_text(line.facts.enforced_by)),
                               line.facts.addresses, info.mark, info.table, info.ifindex != 0 ? line.parent : "",
                               line.netns});
    }
    EDGE_TRY(facts.rules4, ip_says("-4 rule show"));
    EDGE_TRY(facts.rules6, ip_says("-6 rule show"));
    EDGE_TRY(facts.routes4, ip_says("-4 route show table all"));
    EDGE_TRY(facts.routes6, ip_says("-6 route show table all"));
    facts.group_name = std::string(host.cgroup, strnlen(host.cgroup, sizeof host.cgroup));
    facts.groups = groups_below(facts.group_name);
    facts.first_uid = host.uid_base;
    facts.last_uid = host.uid_base + host.worker_slots - 1;
    facts.cpu_percent = host.cpu_percent;
    facts.memory_mb = host.memory_mb;
    facts.pids = host.pids;
    facts.bytes_per_s = host.bytes_per_s;
    facts.packets_per_s = host.packets_per_s;
    facts.ping_group_range = first_line_of("/proc/sys/net/ipv4/ping_group_range");
    facts.files = {settings.agent.state_dir};
    if (auto state = PosixDisk::open(settings.agent.state_dir); state)
        if (const auto identity = load_identity(state.value())) facts.broker = identity.value().url;
    return facts;
}

}  // namespace edge::agent
