// What EDGE has put on a machine, as the kernel and the launcher told it.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace edge::agent {

struct SiteLine {
    std::string name, device, enforced_by;
    std::vector<std::string> addresses;
    std::uint32_t mark = 0, table = 0;
    std::string parent{};  // of a device that edge-launcher made; empty: it did not
    std::string netns{};   // where all of it is; empty: in the machine's own network namespace
};

/// edge-agent or edge-launcher, as it runs.
struct SiteProgram {
    std::int32_t pid = 0;  // 0: it does not run
    std::string unit;      // of systemd, if that started it
    std::string file;      // the program's; empty: cannot be seen
};

enum class SiteFileKind { configuration, node_state, line_counts, socket, folder, unit, unit_changes, program };
struct SiteFile {
    SiteFileKind kind{};
    std::string path;
};

struct SiteFacts {
    std::string host, kernel;
    bool as_root = true;   // else some of it cannot be seen
    bool by_user = false;  // the launcher is an ordinary user's: no rule, group or limit is its
    std::string unheard;   // why edge-launcher told nothing; empty: it did
    SiteProgram agent, launcher;
    std::string broker;  // where the one outbound connection goes; empty: not joined
    std::vector<SiteLine> lines;
    std::vector<std::string> left_devices;                      // that a launcher made which is not there any more
    std::vector<std::string> rules4, rules6, routes4, routes6;  // as ip(8) prints them
    bool nft_table = false;
    std::vector<std::string> groups;  // folders of control groups
    std::string group_name;
    std::string agent_user;  // its name; empty: the uid has none
    std::uint32_t agent_uid = 0;
    std::uint32_t first_uid = 0, last_uid = 0;               // of the workers; 0: not told
    std::uint32_t cpu_percent = 0, memory_mb = 0, pids = 0;  // of each worker
    std::uint64_t bytes_per_s = 0, packets_per_s = 0;        // of each line; 0: no ceiling
    std::string ping_group_range;
    std::vector<SiteFile> files;
};

}  // namespace edge::agent
