#include "agent/launcher/host_warnings.hpp"

#include <cstdlib>

#include "agent/launcher/os/files.hpp"
#include "protocol/launcher/netns_command.hpp"
#include "protocol/launcher/ping_groups.hpp"
#include "protocol/launcher/sysctl_name.hpp"

namespace edge::launcher {

bool answers_for_others(const std::string& own, const std::string& all) {
    return !own.empty() && std::atoi(own.c_str()) == 0 && std::atoi(all.c_str()) <= 0;
}

void warn_about_ping(const Lines& lines, std::uint64_t gid_base, std::uint64_t gids, spdlog::logger& log) {
    std::set<std::string> seen;
    for (std::size_t i = 0; i < lines.size(); ++i) {
        const auto& netns = lines[i].netns;
        const auto inside = lines.enter(i);
        const auto text = read_file("/proc/sys/net/ipv4/ping_group_range");
        if (!inside || !text || !seen.insert(netns).second) continue;
        const std::uint64_t last = gid_base + gids - 1;
        if (const auto command = ping_command(text.value(), gid_base, last))
            log.warn("ping_denied gids={}-{} todo=\"{}{}\"", gid_base, last, inside_netns(netns), *command);
    }
}

/// A host answers ARP for each of its addresses by every device that hears the question, unless told not to: what is
/// for the macvlan would come in by its parent.
void warn_about_arp(const Lines& lines, std::set<std::string>& warned, spdlog::logger& log) {
    const auto setting = [](const std::string& device) {
        const auto text = read_file("/proc/sys/net/ipv4/conf/" + device + "/arp_ignore");
        return text ? text.value() : std::string();
    };
    for (std::size_t i = 0; i < lines.size(); ++i) {
        const Line& line = lines[i];
        if (line.kind != LineKind::macvlan || !answers_for_others(setting(line.parent), setting("all")))
            warned.erase(line.name);
        else if (warned.insert(line.name).second)
            log.warn("line_incomplete line={} todo=\"sysctl -w net.ipv4.conf.{}.arp_ignore=1\"", line.name,
                     sysctl_name(line.parent));
    }
}

}  // namespace edge::launcher
