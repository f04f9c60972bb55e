// A launcher that cannot start says why in one line, with a documented code, and leaves nothing half-made.
#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <functional>

#include "carriers.hpp"
#include "launcher_process.hpp"

using namespace edge::launcher;
using namespace edge::launcher::test;

namespace {

struct BadStart {
    const char* name;
    std::function<void(const ConfigFolder&, Flags&)> prepare;
    int code;
    const char* says;
};

const BadStart kBadStarts[] = {
    {"an unknown key",
     [](auto& folder, auto&) { folder.write("lines.toml", lines_toml() + "gatway4 = \"100.64.2.1\"\n"); }, 78,
     "lines.toml:23:1: unknown key \"gatway4\"; did you mean \"gateway4\"?"},
    {"a file that others may write", [](auto& folder, auto&) { folder.write("policy.toml", policy_toml(), 0666); }, 78,
     "policy.toml: is writable by others than root; run: chmod go-w "},
    {"a file that is not root's",
     [](auto& folder, auto&) { (void)!::chown((folder.path() + "/policy.toml").c_str(), 1234, 0); }, 78,
     "policy.toml: belongs to uid 1234; run: chown root "},
    {"a folder that others may write", [](auto& folder, auto&) { ::chmod(folder.path().c_str(), 0777); }, 78,
     ": is writable by others than root; run: chmod go-w /"},
    {"a policy that offers nothing", [](auto& folder, auto&) { folder.write("policy.toml", "services = []\n"); }, 78,
     "policy.toml:1:1: services must name one at least, such as \"ping\""},
    {"a file that is not there", [](auto& folder, auto&) { ::unlink((folder.path() + "/lines.toml").c_str()); }, 66,
     "lines.toml: cannot be opened (No such file or directory)"},
    {"a missing flag", [](auto&, auto& flags) { flags.uid_base = 0; }, 64,
     "usage: --uid-base is missing or below 1000"},
    {"an unknown flag", [](auto&, auto& flags) { flags.more = {"--bogus"}; }, 64, "--bogus; see edge-launcher --help"},
    {"a probe that is not there", [](auto&, auto& flags) { flags.probe = "/nowhere/edge-probe"; }, 66,
     "/nowhere/edge-probe: cannot be opened; say where edge-probe is with --probe"},
    {"a probe that is no program", [](auto&, auto& flags) { flags.probe = "/etc/hostname"; }, 78,
     "/etc/hostname: is no program for this machine"},
    {"missing privileges",
     [](auto&, auto& flags) {
         flags.before = {"/usr/bin/setpriv", "--inh-caps=-all", "--bounding-set=-bpf,-setuid"};
     },
     77, "privileges: missing cap_setuid; run as root with"},
    {"another user",
     [](auto&, auto& flags) {
         flags.before = {"/usr/bin/setpriv", "--reuid=65534", "--clear-groups"};
     },
     77, "privileges: not root; run as root"},
    {"no control groups",
     [](auto&, auto& flags) {
         flags.before = {"/usr/bin/unshare", "--mount", "sh", "-c", "umount -l /sys/fs/cgroup && exec \"$@\"", "sh"};
     },
     71, "cgroup: no cgroup v2 tree is mounted; mount one"},
    {"a group of something else", [](auto&, auto& flags) { flags.cgroup = own_group("-foreign"); }, 73,
     "is a group of something else; choose another --cgroup"},
    {"a socket in a folder that is not there", [](auto&, auto& flags) { flags.socket = "/nowhere/launcher.sock"; }, 73,
     "/nowhere: the folder of --socket is not there; run: install -d /nowhere"},
    {"a file where the socket should be",
     [](auto& folder, auto& flags) {
         folder.write("taken", "");
         flags.socket = folder.path() + "/taken";
     },
     69, "taken: is there and no socket; choose another --socket"},
    {"a user among the workers", [](auto&, auto& flags) { flags.uid_base = 65534 - 255; }, 64,
     "--uid-base: nobody (uid 65534) of /etc/passwd is among the 256 uids from there on"},
    {"two lines on one device",
     [](auto& folder, auto&) {
         std::string lines = lines_toml();
         folder.write("lines.toml", lines.replace(lines.find("wan1"), 4, "wan0"));
     },
     78, "lines.toml:15:1: device is that of line \"telecom\" as well; give both kind = \"address\", or each a device"},
    {"a file that is no TOML", [](auto& folder, auto&) { folder.write("lines.toml", "[[line]\n"); }, 78,
     "lines.toml:1:"},
    {"limits that nobody would count",
     [](auto& folder, auto& flags) {
         folder.write("policy.toml", "services = [\"ping\"]\n[line]\nbytes_per_s = 1000\n");
         flags.more = {"--check-config", "--guard", "cooperative"};
     },
     78, "policy.toml:2:2: [line] limits what --guard cooperative does not count"},
    {"a namespace under nftables",
     [](auto& folder, auto& flags) {
         std::string lines = lines_toml();
         folder.write("lines.toml",
                      lines.insert(lines.find("device = \"wan1\""), "kind = \"netns\"\nnetns = \"cell\"\n"));
         flags.more = {"--check-config", "--guard", "nft"};
     },
     78, "kind = \"netns\" is held by BPF alone, not by --guard nft"},
    {"an agent among the workers", [](auto&, auto& flags) { flags.agent_uid = flags.uid_base + 3; }, 64,
     "--agent-uid is one of the workers' uids"},
};

}  // namespace

TEST_CASE("a launcher that cannot start says why in one line and leaves nothing") {
    shared_carriers();
    DelegatedGroup foreign(own_group("-foreign"));
    DelegatedGroup inside(own_group("-foreign/someone"));
    const std::string routing = "ip rule; ip -6 rule; ip route show table all; ip -6 route show table all";
    const auto state = [&] { return output_of(routing) + groups_named(own_group()); };
    for (const auto& bad : kBadStarts) {
        SUBCASE(bad.name) {
            ConfigFolder folder;
            Flags flags;
            bad.prepare(folder, flags);
            const auto before = state();
            const auto files = output_of("ls -A " + folder.path());
            LauncherProcess launcher(folder, flags);
            CHECK(launcher.exit_code() == bad.code);
            CHECK_MESSAGE(launcher.says(bad.says), launcher.log());
            std::string last = launcher.log();
            CHECK(last.rfind("edge-launcher: ") == last.find("edge-launcher: "));
            CHECK(state() == before);
            CHECK(output_of("ls -A " + folder.path()) == files);
        }
    }
}

TEST_CASE("--check-config tells every problem at once, and a good configuration is told as such") {
    ConfigFolder folder;
    Flags flags;
    flags.more = {"--check-config"};
    {
        LauncherProcess good(folder, flags);
        CHECK(good.exit_code() == 0);
    }
    folder.write("policy.toml", "services = [\"htpp\"]\n[worker]\nmemory = 64\npids = \"four\"\n");
    LauncherProcess bad(folder, flags);
    CHECK(bad.exit_code() == 78);
    CHECK(bad.says("policy.toml:3:1: unknown key \"memory\"; did you mean \"memory_mb\"?"));
    CHECK(bad.says("policy.toml:4:1: worker.pids must be an integer, not a string; it must be 1 to 4096"));
}
