#include "agent/site_report/spaces.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "agent/command_output.hpp"
#include "agent/site_report/running.hpp"
#include "agent/site_report/shell_word.hpp"
#include "protocol/launcher/netns_command.hpp"

namespace edge::agent {
namespace {

namespace fs = std::filesystem;
using Printed = std::vector<std::string>;

/// Ours have protocol 237.
Printed ours_of(const std::string& command) {
    auto lines = lines_of_command(command);
    std::erase_if(lines, [](const std::string& line) { return line.find(" proto 237") == std::string::npos; });
    return lines;
}

std::string first_line_of(const std::string& file) {
    std::ifstream in(file);
    std::string line;
    std::getline(in, line);
    return line;
}

SiteSpace space_of(const std::string& netns) {
    const std::string inside = launcher::inside_netns(netns);
    SiteSpace space{netns,
                    ours_of(inside + "ip -4 rule show"),
                    ours_of(inside + "ip -6 rule show"),
                    ours_of(inside + "ip -4 route show table all"),
                    ours_of(inside + "ip -6 route show table all"),
                    {}};
    for (const auto& line : lines_of_command(inside + "cat /proc/sys/net/ipv4/ping_group_range"))
        space.ping_group_range = line;
    return space;
}

/// As edge-launcher asks for them: by the line's device, or by one of its addresses.
bool is_rule_of(const SiteLine& line, const std::string& shown) {
    const std::string to_table = " lookup " + std::to_string(line.table);
    std::string rule = shown.substr(std::min(shown.find('\t'), shown.size() - 1) + 1);
    rule = rule.substr(0, rule.find(" proto "));
    return rule == "from all oif " + line.device + to_table ||
           std::ranges::any_of(line.addresses,
                               [&](const auto& address) { return rule == "from " + address + to_table; });
}

bool is_default_of(const SiteLine& line, const std::string& shown) {
    return shown.starts_with("default ") && shown.find(" dev " + line.device + " ") != std::string::npos &&
           (shown + " ").find(" table " + std::to_string(line.table) + " ") != std::string::npos;
}

/// Where rules are not the launcher's they are root's, and known by what it asks for. In the lines' tables there may be
/// more, of somebody else's.
void add_what_root_added(const std::vector<SiteLine>& lines, SiteSpace& space) {
    const auto add = [&](const std::string& command, auto is_of, Printed& printed) {
        for (const auto& one : lines_of_command(command))
            if (std::ranges::any_of(lines, [&](const SiteLine& line) { return is_of(line, one); }))
                printed.push_back(one);
    };
    add("ip -N -4 rule show", is_rule_of, space.rules4);
    add("ip -N -6 rule show", is_rule_of, space.rules6);
    add("ip -N -4 route show table all", is_default_of, space.routes4);
    add("ip -N -6 route show table all", is_default_of, space.routes6);
}

ino_t inode_of(const std::string& file) {
    struct stat status {};
    return ::stat(file.c_str(), &status) == 0 ? status.st_ino : 0;
}

/// A launcher that runs holds a lock of each namespace it has rules in.
std::string lock_of(ino_t netns) {
    return "/run/edge-launcher/netns-" + std::to_string(netns);
}

/// Names and paths of others than our own: of the lines, and where nobody that runs holds what may be left in them.
Printed others(const std::vector<SiteLine>& lines) {
    Printed names;
    std::set<ino_t> seen{inode_of("/proc/self/ns/net")};
    const auto add = [&](const std::string& netns) {
        const ino_t inode = inode_of(netns.starts_with('/') ? netns : "/run/netns/" + netns);
        if (is_plain_word(netns) && inode != 0 && seen.insert(inode).second) names.push_back(netns);
    };
    const auto add_left = [&](const std::string& netns, const std::string& path) {
        if (holder_of(lock_of(inode_of(path))) == 0) add(netns);
    };
    for (const auto& line : lines)
        if (!line.netns.empty()) add(line.netns);
    std::error_code none;
    for (const auto& entry : fs::directory_iterator("/run/netns", none))
        add_left(entry.path().filename(), entry.path());
    for (const auto& entry : fs::directory_iterator("/run/edge-launcher", none)) {
        std::ifstream lock(entry.path());  // a process's number, and where it found the namespace
        std::string pid, path;
        if (std::getline(lock, pid) && std::getline(lock, path) && path.starts_with('/')) add_left(path, path);
    }
    return names;
}

bool is_of_line(const std::string& netns, const std::vector<SiteLine>& lines) {
    return std::any_of(lines.begin(), lines.end(), [&](const SiteLine& line) { return line.netns == netns; });
}

}  // namespace

std::vector<SiteSpace> spaces_of(const SiteFacts& facts) {
    std::vector<SiteSpace> spaces{space_of({})};
    if (facts.by_user) add_what_root_added(facts.lines, spaces.front());
    if (::geteuid() != 0) return spaces;
    for (const auto& netns : others(facts.lines)) {
        auto space = space_of(netns);
        const bool empty =
            space.rules4.empty() && space.rules6.empty() && space.routes4.empty() && space.routes6.empty();
        if (!empty || is_of_line(netns, facts.lines)) spaces.push_back(std::move(space));
    }
    return spaces;
}

std::vector<SiteDevice> made_devices() {
    std::vector<SiteDevice> devices;
    for (const auto& line : lines_of_command("ip -o link show group 1162102597")) {
        std::istringstream words(line);  // `7: edge-mobile@eth0: <…`
        std::string number, name;
        words >> number >> name;
        name = name.substr(0, name.find(':'));
        const auto at = std::min(name.find('@'), name.size());
        devices.push_back({name.substr(0, at), at < name.size() ? name.substr(at + 1) : std::string()});
    }
    return devices;
}

std::vector<std::string> set_for_macvlans(const std::vector<SiteDevice>& devices) {
    std::vector<std::string> set;
    for (const auto& [name, parent] : devices) {
        const auto value = first_line_of("/proc/sys/net/ipv4/conf/" + parent + "/arp_ignore");
        if (!parent.empty() && !value.empty() && value != "0" && std::ranges::find(set, parent) == set.end())
            set.push_back(parent);
    }
    return set;
}

}  // namespace edge::agent
