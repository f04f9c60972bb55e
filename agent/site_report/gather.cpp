#include "agent/site_report/gather.hpp"

#include <pwd.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "agent/command_output.hpp"
#include "agent/disk/posix_disk.hpp"
#include "agent/doctor/launcher_questions.hpp"
#include "agent/link/identity.hpp"
#include "agent/site_report/running.hpp"
#include "agent/site_report/spaces.hpp"
#include "agent/workers/lines.hpp"
#include "protocol/json/described.hpp"

namespace edge::agent {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> group_trees(bool v1_too) {
    std::vector<std::string> trees;
    std::ifstream mounts("/proc/self/mounts");
    for (std::string line; std::getline(mounts, line);) {
        std::istringstream words(line);
        std::string source, at, type;
        words >> source >> at >> type;
        if (type == "cgroup2" || (v1_too && type == "cgroup")) trees.push_back(at);
    }
    return trees;
}

/// NAME below every tree of control groups, and the groups in it.
std::vector<std::string> groups_below(const std::string& name) {
    std::vector<std::string> found;
    for (const auto& tree : group_trees(true)) {
        std::error_code failed;
        const std::string top = tree + "/" + name;
        if (!fs::is_directory(top, failed)) continue;
        found.push_back(top);
        for (const auto& entry : fs::directory_iterator(top, failed))
            if (entry.is_directory(failed)) found.push_back(entry.path().string());
    }
    return found;
}

/// The NAME of a launcher that is gone: what is above a group with the name of a line's, and locked by none that runs.
std::string name_left_behind() {
    for (const auto& tree : group_trees(false)) {  // the lock is there
        std::error_code failed;
        for (fs::recursive_directory_iterator at(tree, failed), end; !failed && at != end; at.increment(failed)) {
            if (!at->path().filename().string().starts_with("line-") || !at->is_directory(failed)) continue;
            const fs::path group = at->path().parent_path();
            if (holder_of(group / "cgroup.kill") == 0) return group.lexically_relative(tree);
        }
    }
    return {};
}

Result<> ask_launcher(const Settings& settings, SiteFacts& facts) {
    LauncherQuestions launcher(settings.agent.launcher);
    EDGE_TRY(const auto host, launcher.host());
    EDGE_TRY(const auto lines, launcher.lines());
    for (const auto& info : lines) {
        EDGE_TRY(const auto line, line_from(info));
        facts.lines.push_back({line.facts.name, line.facts.ifname, std::string(enum_text(line.facts.enforced_by)),
                               line.facts.addresses, info.mark, info.table, info.ifindex != 0 ? line.parent : "",
                               line.netns});
    }
    facts.group_name = std::string(host.cgroup, strnlen(host.cgroup, sizeof host.cgroup));
    facts.first_uid = host.uid_base;
    facts.last_uid = host.uid_base + host.uids - 1;
    facts.by_user = host.cgroup_mode == launcher::CgroupMode::none;
    facts.cpu_percent = host.cpu_percent;
    facts.memory_mb = host.memory_mb;
    facts.pids = host.pids;
    facts.bytes_per_s = host.bytes_per_s;
    facts.packets_per_s = host.packets_per_s;
    return ok();
}

void ask_kernel(SiteFacts& facts) {
    utsname name{};
    ::uname(&name);
    facts.host = name.nodename;
    facts.kernel = name.release;
    facts.devices = made_devices();
    facts.spaces = spaces_of(facts);
    facts.arp_ignore = set_for_macvlans(facts.devices);
    const auto is_nft = [](const SiteLine& line) { return line.enforced_by == "nft"; };
    facts.nft_table = std::any_of(facts.lines.begin(), facts.lines.end(), is_nft) ||
                      !lines_of_command("/usr/sbin/nft list table inet edge_launcher").empty();
}

/// The socket is the agent's user's; without one its folder is. He has a name here only if he may have been made for
/// it: not who runs the launcher as himself, and no person (UID_MIN of login.defs(5)).
void find_user(const Settings& settings, SiteFacts& facts) {
    struct stat status {};
    if (::stat(settings.agent.launcher.c_str(), &status) != 0 && ::stat(settings.agent.state_dir.c_str(), &status) != 0)
        return;
    facts.agent_uid = status.st_uid;
    constexpr uid_t kFirstPerson = 1000;
    if (facts.by_user || status.st_uid >= kFirstPerson) return;
    if (const passwd* user = ::getpwuid(status.st_uid)) facts.agent_user = user->pw_name;
}

class Files {
  public:
    /// `facts`: whose the launcher is; its files are added to.
    explicit Files(SiteFacts& facts) : files_(facts.files), by_user_(facts.by_user), user_(facts.first_uid) {}

    void add(SiteFileKind kind, const std::string& path) {
        std::error_code failed;
        if (!path.empty() && !is_listed(path) && fs::exists(path, failed))
            files_.push_back({kind, path, is_roots(path)});
    }
    /// Where nothing of anybody else's is in it.
    void add_folder(const std::string& path) {
        std::error_code failed;
        fs::directory_iterator inside(path, failed);
        if (failed || is_listed(path)) return;
        for (const auto& entry : inside)
            if (!is_listed(entry.path())) return;
        files_.push_back({SiteFileKind::folder, path, is_roots(path)});
    }

  private:
    /// In a folder of another than the ordinary user whose launcher it is.
    bool is_roots(const fs::path& path) const {
        struct stat folder {};
        return by_user_ && ::stat(path.parent_path().c_str(), &folder) == 0 && folder.st_uid != user_;
    }
    bool is_listed(const std::string& path) const {
        return std::any_of(files_.begin(), files_.end(), [&](const SiteFile& one) { return one.path == path; });
    }
    std::vector<SiteFile>& files_;
    bool by_user_;
    uid_t user_;
};

void find_files(const Settings& settings, const std::string& config, SiteFacts& facts) {
    Files files(facts);
    const auto in_force = path_given_to(facts.agent.pid, "config");
    std::error_code failed;
    const fs::path agent_toml = in_force.empty() ? fs::absolute(config, failed).lexically_normal() : fs::path(in_force);
    fs::path folder = path_given_to(facts.launcher.pid, "config");
    if (folder.empty()) folder = agent_toml.parent_path();
    if (!folder.has_filename()) folder = folder.parent_path();
    const fs::path socket = settings.agent.launcher;
    files.add(SiteFileKind::configuration, folder / "lines.toml");
    files.add(SiteFileKind::configuration, folder / "policy.toml");
    files.add(SiteFileKind::configuration, agent_toml);
    files.add(SiteFileKind::configuration, settings.health.prefix_file);
    files.add(SiteFileKind::node_state, settings.agent.state_dir);
    files.add(SiteFileKind::line_counts, path_given_to(facts.launcher.pid, "state"));
    files.add(SiteFileKind::socket, socket);
    files.add(SiteFileKind::lock, socket.string() + ".lock");
    for (const auto& path : {socket.parent_path(), folder, agent_toml.parent_path()}) files.add_folder(path);
    // Locks of root's launchers are in there while they run, and go with them.
    if (!facts.by_user) files.add(SiteFileKind::folder, "/run/edge-launcher");
    for (const std::string at : {"/etc/systemd/system/", "/usr/local/lib/systemd/system/", "/usr/lib/systemd/system/"})
        for (const std::string unit :
             {"edge-agent.service", "edge-launcher.service", "edge.slice", "edge-lines.slice"}) {
            files.add(SiteFileKind::unit, at + unit);
            files.add(SiteFileKind::unit_changes, at + unit + ".d");
        }
    // One that does not run is looked for beside this very program, which is edge-agent.
    const fs::path own = fs::read_symlink("/proc/self/exe", failed);
    const auto program = [&](const std::string& running, const char* name) {
        return !running.empty() || own.empty() ? fs::path(running) : fs::path(own).replace_filename(name);
    };
    const fs::path launcher = program(facts.launcher.file, "edge-launcher");
    const auto probe = path_given_to(facts.launcher.pid, "probe");
    files.add(SiteFileKind::program, program(facts.agent.file, "edge-agent"));
    files.add(SiteFileKind::program, launcher);
    files.add(SiteFileKind::program,
              probe.empty() ? fs::path(launcher).replace_filename("edge-probe") : fs::path(probe));
}

}  // namespace

Result<SiteFacts> gather_site_facts(const Settings& settings, const std::string& config) {
    SiteFacts facts;
    if (const auto asked = ask_launcher(settings, facts); !asked) {
        const Error& why = asked.error();
        if (why.os_errno != ENOENT && why.os_errno != ECONNREFUSED) return why;  // it may run all the same
        facts.unheard = "no edge-launcher listens at " + settings.agent.launcher;
        facts.group_name = name_left_behind();
    }
    facts.as_root = ::geteuid() == 0;
    if (facts.unheard.empty()) facts.launcher = program_of(listener_of(settings.agent.launcher));
    facts.agent = program_of(holder_of(settings.agent.state_dir + "/lock"));
    ask_kernel(facts);
    if (!facts.group_name.empty()) facts.groups = groups_below(facts.group_name);
    find_user(settings, facts);
    find_files(settings, config, facts);
    if (auto state = PosixDisk::open(settings.agent.state_dir); state)
        if (const auto identity = load_identity(state.value())) facts.broker = identity.value().url;
    return facts;
}

}  // namespace edge::agent
