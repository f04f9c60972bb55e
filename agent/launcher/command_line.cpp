#include "agent/launcher/command_line.hpp"

#include <pwd.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <charconv>
#include <cstdlib>
#include <filesystem>

#include "agent/launcher/os/files.hpp"

namespace edge::launcher {
namespace {

constexpr uid_t kNoUid = static_cast<uid_t>(-1);
constexpr int kMaxUid = 0x7fffffff;

Error usage(const std::string& what) {
    return Error{Errc::bad_syntax, "usage", what + "; see edge-launcher --help"};
}

Result<uid_t> uid_of(const std::string& user) {
    int number = 0;
    const auto [end, failed] = std::from_chars(user.data(), user.data() + user.size(), number);
    if (failed == std::errc() && end == user.data() + user.size() && number >= 0) return static_cast<uid_t>(number);
    if (const auto* entry = ::getpwnam(user.c_str())) return entry->pw_uid;
    return usage("--agent-uid " + user + ": no such user, and no number from 0 to " + std::to_string(kMaxUid));
}

Result<> check_uids(const Options& options) {
    if (options.uid_base < 1000) return usage("--uid-base is missing or below 1000");
    if (options.agent_uid == kNoUid) return usage("--agent-uid is missing");
    if (options.agent_uid - options.uid_base < kWorkerUids) return usage("--agent-uid is one of the workers' uids");
    if (const auto passwd = read_file("/etc/passwd", 4 << 20))
        if (const auto user = user_among_workers(passwd.value(), options.uid_base))
            return usage("--uid-base: " + *user + " of /etc/passwd is among the 256 uids from there on");
    return ok();
}

GuardChoice guard_named(const std::string& name) {
    if (name == "auto") return GuardChoice::automatic;
    if (name == "cooperative") return GuardChoice::cooperative;
    return name == "bpf" ? GuardChoice::bpf : GuardChoice::nft;
}

/// What an ordinary user's launcher does not hold has to be accepted by who starts it; it is never taken by itself.
Result<> check_user(CommandLine& line) {
    Options& options = line.options;
    const bool without = options.cgroup == kNoGroup;
    const uid_t we = ::geteuid();
    if (without) options.privileges = Privileges::none;
    if (line.mode == Mode::check_config) return ok();
    if (without && we == 0)
        return usage("--cgroup none is for an ordinary user, and root of a user namespace is none; name a group");
    if (without && line.mode == Mode::cleanup) return usage("--cgroup none leaves nothing to clean up");
    if (we != 0 && (!without || line.guard != GuardChoice::cooperative))
        return Error{Errc::denied, "privileges",
                     "not root; run as root, or with --guard cooperative --cgroup none, where a line is held by "
                     "edge-probe alone (docs/lines.md)"};
    if (!without) return ok();
    if (options.uid_base != 0) return usage("--uid-base: without root every worker has your uid; take it out");
    if (options.agent_uid == kNoUid) options.agent_uid = we;
    if (options.agent_uid != we)
        return usage("--agent-uid: without root your own agent alone is served, uid " + std::to_string(we));
    if (!options.state.empty()) return usage("--state: without root nothing is counted; take it out");
    options.uid_base = we;
    options.uids = 1;
    return ok();
}

/// What may be missing depends on the mode, and some values on each other.
Result<> check(CommandLine& line) {
    Options& options = line.options;
    EDGE_TRY(check_user(line));
    if (line.mode != Mode::cleanup && options.config.empty()) return usage("--config is missing");
    if (line.mode != Mode::check_config && options.cgroup.empty()) return usage("--cgroup is missing");
    const auto& group = options.cgroup;
    if (group.starts_with('/') || group.ends_with('/') || group.find("..") != std::string::npos)
        return usage("--cgroup is a path below the cgroup root, such as edge");
    if (line.mode != Mode::serve) return ok();
    if (options.socket.empty()) return usage("--socket is missing");
    if (options.privileges == Privileges::root) {
        EDGE_TRY(check_uids(options));
    }
    options.gid_base = group_of(options.uid_base, options.privileges);
    std::error_code failed;
    options.socket = std::filesystem::absolute(options.socket);
    if (options.probe.empty()) {  // installed beside this program
        options.probe = std::filesystem::read_symlink("/proc/self/exe", failed).replace_filename("edge-probe");
    }
    const auto probe = std::filesystem::canonical(options.probe, failed);
    if (failed) {
        const auto why = "cannot be opened; say where edge-probe is with --probe";
        return Error{Errc::not_found, options.probe, why, failed.value()};
    }
    options.probe = probe;
    return ok();
}

}  // namespace

Result<CommandLine> read_command_line(int argc, char** argv) {
    CommandLine line;
    bool cleanup = false, check_config = false;
    std::string agent, guard = "auto";
    CLI::App app("Brings lines up and starts probe workers in sandboxes; root's part of the agent.", "edge-launcher");
    app.set_version_flag("--version", "edge-launcher " EDGE_VERSION);
    app.add_option("--config", line.options.config, "folder of lines.toml and policy.toml (required)");
    app.add_option("--socket", line.options.socket, "where the agent finds it (required)");
    app.add_option("--agent-uid", agent, "who is served, beside root: a number, or a user's name (required)");
    app.add_option("--uid-base", line.options.uid_base, "workers run as this uid and the 255 above it (required)")
        ->check(CLI::Range(0, kMaxUid));
    app.add_option(
        "--cgroup", line.options.cgroup,
        "control group for all it makes, below the root of the trees; or self: below its own, as a unit; or none: "
        "without root, and without limits (required)");
    app.add_option("--probe", line.options.probe, "edge-probe, if it is not beside this program");
    app.add_option("--state", line.options.state, "folder where it keeps the bytes of the day and the month");
    app.add_option("--log-level", line.level)->check(CLI::IsMember({"trace", "debug", "info", "warn", "error"}));
    app.add_option("--guard", guard,
                   "what holds the lines: auto, bpf, nft where BPF does not work, or cooperative: nothing does")
        ->check(CLI::IsMember({"auto", "bpf", "nft", "cooperative"}));
    app.add_flag("--cleanup", cleanup, "remove what a crashed launcher left, and end");
    app.add_flag("--check-config", check_config, "read the two files, say ok or all that is wrong, and end");
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        if (error.get_exit_code() == 0) std::exit(app.exit(error));
        return usage(error.what());
    }
    if (!agent.empty()) {
        EDGE_TRY(line.options.agent_uid, uid_of(agent));
    }
    line.guard = guard_named(guard);
    if (cleanup) line.mode = Mode::cleanup;
    if (check_config) line.mode = Mode::check_config;
    EDGE_TRY(check(line));
    return line;
}

}  // namespace edge::launcher
