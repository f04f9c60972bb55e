// edge-launcher: the order of starting, and the one line that says why it cannot.
#include <spdlog/spdlog.h>
#include <sysexits.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string>

#include "agent/launcher/command_line.hpp"
#include "agent/launcher/lines/guard_features.hpp"
#include "agent/launcher/lines/nft_line_guard.hpp"
#include "agent/launcher/os/capabilities.hpp"
#include "agent/launcher/os/files.hpp"
#include "agent/launcher/os/lock_file.hpp"
#include "agent/launcher/os/uid_lock.hpp"
#include "agent/launcher/sandbox/own_group.hpp"
#include "protocol/systemd/program_log.hpp"

namespace edge::launcher {
namespace {

int exit_code(const Error& error) {
    switch (error.code) {
        case Errc::bad_syntax:
            return EX_USAGE;
        case Errc::not_found:
            return EX_NOINPUT;
        case Errc::unavailable:
            return EX_UNAVAILABLE;
        case Errc::unsupported:
            return EX_OSERR;
        case Errc::conflict:
            return EX_CANTCREAT;
        case Errc::io:
            return EX_IOERR;
        case Errc::denied:
            return EX_NOPERM;
        case Errc::bad_value:
        case Errc::too_large:
            return EX_CONFIG;
        default:
            return EX_SOFTWARE;
    }
}

int fail(const Error& error) {
    std::fprintf(stderr, "edge-launcher: %s\n", error.message().c_str());
    return exit_code(error);
}

int fail(const Problems& problems) {
    int code = EX_CONFIG;
    for (const auto& problem : problems)
        if (fail(problem) == EX_NOINPUT) code = EX_NOINPUT;
    return code;
}

Result<CgroupTree> claim_groups(const std::string& name, bool cpu_first, spdlog::logger& log) {
    if (name == kNoGroup) return CgroupTree();
    EDGE_TRY(const auto mountinfo, read_file("/proc/self/mountinfo", 4 << 20));
    EDGE_TRY(auto mounts, find_cgroup_mounts(mountinfo, [](const std::string& v2) {
                 const auto text = read_file(v2 + "/cgroup.controllers");
                 return text ? text.value() : std::string();
             }));
    if (name != "self") return CgroupTree::claim(std::move(mounts), name);
    EDGE_TRY(const auto below_ours, enter_own_group(mounts));
    if (cpu_first) {
        EDGE_TRY(begin_idleness(mounts, below_ours));
    } else {
        EDGE_TRY(const auto idle, end_idleness(mounts, below_ours));
        for (const auto& group : idle) log.info("cpu_share_given group={}", group);
    }
    return CgroupTree::claim(std::move(mounts), below_ours);
}

/// The namespace's one launcher removes what its last one left. Without privileges it only looks, beside any other.
Result<std::unique_ptr<Network>> own_network(Privileges privileges, spdlog::logger& log) {
    if (privileges == Privileges::none) return look_at_kernel_network();
    EDGE_TRY(auto network, open_kernel_network());
    EDGE_TRY(remove_ours(*network, log));
    if (const auto removed = remove_nft_guard(); !removed)
        log.debug("nft_unusable why=\"{}\"", removed.error().message());
    return network;
}

/// Two that start at once would both serve, and the one that stops first take the other's socket away. Root's meet at
/// their group and namespace.
Result<std::optional<LockFile>> lock_socket(const Options& options) {
    EDGE_TRY(check_path_is_free(options.socket));
    if (options.privileges == Privileges::root) return std::optional<LockFile>();
    auto lock = LockFile::take_at(options.socket + ".lock");
    if (lock) return std::optional(std::move(lock.value()));
    if (lock.error().code == Errc::io) return lock.error();
    return Error{Errc::unavailable, options.socket, "is in use by another process; stop it, or choose another --socket",
                 0};
}

/// Without privileges there is one, of whoever started it.
Result<std::optional<UidLock>> lock_uids(const Options& options) {
    if (options.privileges == Privileges::none) return std::optional<UidLock>();
    EDGE_TRY(auto lock, UidLock::take(options.uid_base, kWorkerUids));
    return std::optional(std::move(lock));
}

/// Everything is undone in reverse when this returns, whether it served or could not start.
Result<> serve(const CommandLine& command, const Config& config, spdlog::logger& log) {
    const Privileges privileges = command.options.privileges;
    systemd::Notifier manager(systemd::take_notify_terms(), log);
    EDGE_TRY(const auto only, lock_socket(command.options));
    const bool cpu_first = config.policy.host.cpu_first;
    EDGE_TRY(auto groups, claim_groups(command.options.cgroup, cpu_first, log));
    groups.put_host_first(cpu_first);
    if (privileges == Privileges::none) log.warn("limits_absent why=\"not root\" not_held=\"cpu, memory, processes\"");
    EDGE_TRY(const auto network, own_network(privileges, log));
    EDGE_TRY(const auto uids, lock_uids(command.options));  // one more of this very launcher was told better above
    std::vector<Fd> line_groups;
    for (const auto& line : config.lines) {
        EDGE_TRY(auto group, groups.add_line(line.name));
        line_groups.push_back(std::move(group));
    }
    EDGE_TRY(const auto guard, choose_guard(command.guard, line_groups.front().get(), log));
    for (const auto& line : config.lines)
        if (!line.netns.empty() && guard->enforcement() == Enforcement::nft_guard)
            return Error{Errc::unsupported, "line " + line.name,
                         "kind = \"netns\" is held by BPF alone, and this host has nftables; see the log for why"};
    Lines lines(config.lines, config.policy, *network, *guard, log, open_kernel_network, privileges);
    EDGE_TRY(lines.bring_up(std::move(line_groups)));
    EDGE_TRY(auto poller, Poller::open());
    Launcher launcher(command.options, config, lines, *guard, groups, poller, manager, log);
    EDGE_TRY(launcher.start());
    return launcher.run();
}

/// A launcher that was killed left its rules in all its namespaces, also in such as no line names any more.
void clear_left_namespaces(spdlog::logger& log) {
    LockFile::clear_left([&](const std::string& path) {
        if (path.empty() || !std::filesystem::exists(path)) return true;  // this one, whose turn comes; one that went
        const auto other = open_kernel_network(path);
        const auto removed = other ? remove_ours(*other.value(), log) : Result<>(other.error());
        if (!removed)
            log.warn("namespace_left path={} why=\"{}\" todo=\"edge-launcher --cleanup\"", path,
                     removed.error().message());
        return removed.has_value();
    });
}

Result<> clean_up(const CommandLine& command, spdlog::logger& log) {
    UidLock::clear_left();
    EDGE_TRY(const auto groups, claim_groups(command.options.cgroup, true, log));  // removed when it goes
    EDGE_TRY(const auto network, open_kernel_network());
    EDGE_TRY(remove_ours(*network, log));
    std::error_code none;  // no folder: no namespace has a name
    for (const auto& entry : std::filesystem::directory_iterator("/run/netns", none)) {
        const auto other = open_kernel_network(entry.path());  // one that another launcher holds is left alone
        if (!other) continue;
        EDGE_TRY(remove_ours(*other.value(), log));
    }
    return remove_nft_guard();
}

int run(int argc, char** argv) {
    const auto command = read_command_line(argc, argv);
    if (!command) return fail(command.error());
    const Mode mode = command.value().mode;
    const Options& options = command.value().options;
    const auto log = systemd::open_program_log("edge-launcher", command.value().level);

    Config config;
    if (mode != Mode::cleanup) {
        Problems problems;
        const bool may_enter = mode == Mode::check_config || may_enter_namespaces();
        config = read_config(options.config, {options.privileges, may_enter, command.value().guard}, problems);
        if (!problems.empty()) return fail(problems);
        share_out_uids(options.uid_base, options.uids, config.lines);
    }
    if (mode == Mode::check_config) {
        std::puts("ok");
        return EX_OK;
    }
    if (options.privileges == Privileges::root) clear_left_namespaces(*log);
    const auto namespaces = mode == Mode::cleanup ? Namespaces::others : namespaces_of(config.lines);
    if (const auto kept = keep_needed_capabilities(options.privileges, namespaces); !kept) return fail(kept.error());
    const auto done = mode == Mode::cleanup ? clean_up(command.value(), *log) : serve(command.value(), config, *log);
    return done ? EX_OK : fail(done.error());
}

}  // namespace
}  // namespace edge::launcher

int main(int argc, char** argv) {
    return edge::launcher::run(argc, argv);
}
