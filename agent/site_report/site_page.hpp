// The page for whoever owns the room: what EDGE has put on this machine, and the command that undoes each. Pure.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace edge::agent {

enum class Language { en, zh };

struct SiteLine {
    std::string name, device, enforced_by;
    std::vector<std::string> addresses;
    std::uint32_t mark = 0, table = 0;
    std::string parent{};  // of a device that edge-launcher made; empty: it did not
    std::string netns{};   // where all of it is; empty: in the machine's own network namespace
};

/// As the kernel and the launcher told them.
struct SiteFacts {
    std::string host, kernel;
    std::string broker;  // where the one outbound connection goes; empty: not joined
    std::vector<SiteLine> lines;
    std::vector<std::string> rules4, rules6, routes4, routes6;  // as ip(8) prints them
    std::vector<std::string> groups;                            // folders of control groups
    std::string group_name;
    std::uint32_t first_uid = 0, last_uid = 0;
    std::uint32_t cpu_percent = 0, memory_mb = 0, pids = 0;  // of each worker
    std::uint64_t bytes_per_s = 0, packets_per_s = 0;        // of each line; 0: no ceiling
    std::string ping_group_range;
    std::vector<std::string> files;  // folders it keeps
};

/// `ip [-6] rule del …` of a line of `ip rule show`, `ip [-6] route del …` of one of `ip route show table all`; empty
/// where the line is none.
std::string undo_of_rule(const std::string& line, bool v6);
std::string undo_of_route(const std::string& line, bool v6);

/// Markdown.
std::string site_page(const SiteFacts& facts, Language language);

}  // namespace edge::agent
