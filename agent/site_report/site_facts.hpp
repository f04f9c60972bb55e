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

/// A device that a launcher made, which may be there no more.
struct SiteDevice {
    std::string name, parent;
};

/// What stands in a network namespace, as ip(8) prints it: with protocol 237; of an ordinary user's launcher, what
/// leads into its lines' tables and out of them, which is root's.
struct SiteSpace {
    std::string netns{};  // its name or path; empty: the machine's own
    std::vector<std::string> rules4{}, rules6{}, routes4{}, routes6{};
    std::string ping_group_range{};
};

enum class SiteFileKind { configuration, node_state, line_counts, socket, lock, folder, unit, unit_changes, program };
struct SiteFile {
    SiteFileKind kind{};
    std::string path;
    bool needs_root = false;  // to remove it, where the launcher is an ordinary user's
};

struct SiteFacts {
    std::string host, kernel;
    bool as_root = true;   // else some of it cannot be seen
    bool by_user = false;  // the launcher is an ordinary user's: no rule, group or limit is its
    std::string unheard;   // why edge-launcher told nothing; empty: it did
    SiteProgram agent, launcher;
    std::string broker;  // where the one outbound connection goes; empty: not joined
    std::vector<SiteLine> lines;
    std::vector<SiteDevice> devices;
    std::vector<SiteSpace> spaces{SiteSpace{}};  // the machine's own first
    std::vector<std::string> arp_ignore;         // of these devices it is set, for the macvlans on them
    bool nft_table = false;
    std::vector<std::string> groups;  // folders of control groups
    std::string group_name;
    std::string agent_user;  // its name; empty: the uid has none
    std::uint32_t agent_uid = 0;
    std::uint32_t first_uid = 0, last_uid = 0;               // of the workers; 0: not told
    std::uint32_t cpu_percent = 0, memory_mb = 0, pids = 0;  // of each worker
    std::uint64_t bytes_per_s = 0, packets_per_s = 0;        // of each line; 0: no ceiling
    std::vector<SiteFile> files;
};

}  // namespace edge::agent
