// edge-launcher: flags, the order of starting, and the one line that says why it cannot.
#include <getopt.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <sysexits.h>

#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>

#include "agent/launcher/launcher.hpp"
#include "agent/launcher/os/capabilities.hpp"
#include "agent/launcher/os/files.hpp"

namespace edge::launcher {
namespace {

constexpr const char* kUsage =
    "usage: edge-launcher --config DIR --socket PATH --agent-uid N --uid-base N --cgroup NAME\n"
    "                     [--probe FILE] [--log-level trace|debug|info|warn|error]\n"
    "       edge-launcher --cleanup --cgroup NAME     remove what a crashed launcher left\n"
    "       edge-launcher --check-config --config DIR\n"
    "DIR holds lines.toml and policy.toml. Workers run as uid N of --uid-base and the 255 above it.\n";

enum class Mode { serve, cleanup, check_config };

struct CommandLine {
    Options options;
    Mode mode = Mode::serve;
    spdlog::level::level_enum level = spdlog::level::info;
};

Error usage(std::string what) {
    return Error{Errc::bad_syntax, "usage", std::move(what) + "; see edge-launcher --help"};
}

Result<uid_t> parse_uid(std::string_view flag, std::string_view text) {
    uid_t uid = 0;
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), uid);
    if (failed != std::errc{} || end != text.data() + text.size() || uid > 0x7fffffff)
        return usage("--" + std::string(flag) + " takes a uid, not \"" + std::string(text) + "\"");
    return uid;
}

/// edge-probe is installed beside edge-launcher.
std::string default_probe() {
    std::error_code failed;
    return std::filesystem::read_symlink("/proc/self/exe", failed).replace_filename("edge-probe");
}

Result<> check_complete(CommandLine& line) {
    Options& options = line.options;
    if (line.mode != Mode::cleanup && options.config.empty()) return usage("--config is missing");
    if (line.mode != Mode::check_config && options.cgroup.empty()) return usage("--cgroup is missing");
    if (options.cgroup.starts_with('/') || options.cgroup.ends_with('/') ||
        options.cgroup.find("..") != std::string::npos)
        return usage("--cgroup is a path below the cgroup root, such as edge");
    if (line.mode != Mode::serve) return ok();
    if (options.socket.empty()) return usage("--socket is missing");
    if (options.uid_base < 1000) return usage("--uid-base is missing or below 1000");
    if (options.agent_uid == static_cast<uid_t>(-1)) return usage("--agent-uid is missing");
    if (options.agent_uid >= options.uid_base && options.agent_uid - options.uid_base < Workers::kSlots)
        return usage("--agent-uid is one of the workers' uids");
    options.socket = std::filesystem::absolute(options.socket);
    if (options.probe.empty()) options.probe = default_probe();
    std::error_code failed;
    const auto probe = std::filesystem::canonical(options.probe, failed);
    if (failed)
        return Error{Errc::not_found, options.probe, "cannot be opened; say where edge-probe is with --probe",
                     failed.value()};
    options.probe = probe;
    return ok();
}

enum Flag {
    kConfig = 1,
    kSocket,
    kAgentUid,
    kUidBase,
    kCgroup,
    kProbe,
    kLogLevel,
    kCleanup,
    kCheckConfig,
    kHelp,
    kVersion
};

constexpr option kFlags[] = {
    {"config", required_argument, nullptr, kConfig},      {"socket", required_argument, nullptr, kSocket},
    {"agent-uid", required_argument, nullptr, kAgentUid}, {"uid-base", required_argument, nullptr, kUidBase},
    {"cgroup", required_argument, nullptr, kCgroup},      {"probe", required_argument, nullptr, kProbe},
    {"log-level", required_argument, nullptr, kLogLevel}, {"cleanup", no_argument, nullptr, kCleanup},
    {"check-config", no_argument, nullptr, kCheckConfig}, {"help", no_argument, nullptr, kHelp},
    {"version", no_argument, nullptr, kVersion},          {}};

Result<> take_flag(int flag, CommandLine& line) {
    Options& options = line.options;
    switch (flag) {
        case kConfig:
            options.config = optarg;
            break;
        case kSocket:
            options.socket = optarg;
            break;
        case kCgroup:
            options.cgroup = optarg;
            break;
        case kProbe:
            options.probe = optarg;
            break;
        case kCleanup:
            line.mode = Mode::cleanup;
            break;
        case kCheckConfig:
            line.mode = Mode::check_config;
            break;
        case kAgentUid: {
            EDGE_TRY(options.agent_uid, parse_uid("agent-uid", optarg));
            break;
        }
        case kUidBase: {
            EDGE_TRY(options.uid_base, parse_uid("uid-base", optarg));
            break;
        }
        case kLogLevel:
            line.level = spdlog::level::from_str(optarg);
            if (line.level == spdlog::level::off) return usage("--log-level knows trace, debug, info, warn and error");
            break;
        default:
            return usage("unknown flag or missing value");
    }
    return ok();
}

/// Prints and says so for --help and --version.
bool answered(int flag) {
    if (flag == kHelp) std::fputs(kUsage, stdout);
    if (flag == kVersion) std::puts("edge-launcher " EDGE_VERSION);
    return flag == kHelp || flag == kVersion;
}

Result<CommandLine> parse(int argc, char** argv) {
    CommandLine line;
    ::opterr = 0;
    for (int flag = 0; (flag = ::getopt_long(argc, argv, "", kFlags, nullptr)) != -1;) {
        if (answered(flag)) std::exit(EX_OK);
        const auto taken = take_flag(flag, line);
        if (!taken)
            return flag == '?' ? usage("unknown flag or missing value at \"" + std::string(argv[optind - 1]) + "\"")
                               : taken.error();
    }
    if (optind < argc) return usage("what is \"" + std::string(argv[optind]) + "\"?");
    EDGE_TRY(check_complete(line));
    return line;
}

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

Result<CgroupTree> claim_groups(const std::string& name) {
    EDGE_TRY(const auto mountinfo, read_file("/proc/self/mountinfo", 4 << 20));
    EDGE_TRY(auto mounts, find_cgroup_mounts(mountinfo, [](const std::string& v2) {
                 const auto text = read_file(v2 + "/cgroup.controllers");
                 return text ? text.value() : std::string();
             }));
    return CgroupTree::claim(std::move(mounts), name);
}

/// Everything is undone in reverse when this returns, whether it served or could not start.
Result<> serve(const CommandLine& command, const Config& config, spdlog::logger& log) {
    EDGE_TRY(check_path_is_free(command.options.socket));
    EDGE_TRY(auto groups, claim_groups(command.options.cgroup));
    EDGE_TRY(const auto network, open_kernel_network());
    EDGE_TRY(remove_routing(*network, log));
    std::vector<Fd> line_groups;
    for (const auto& line : config.lines) {
        EDGE_TRY(auto group, groups.add_line(line.name));
        line_groups.push_back(std::move(group));
    }
    BpfLineGuard guard;
    Lines lines(config.lines, *network, guard, log);
    EDGE_TRY(lines.bring_up(std::move(line_groups)));
    EDGE_TRY(auto poller, Poller::open());
    Launcher launcher(command.options, config, lines, groups, poller, log);
    EDGE_TRY(launcher.start());
    launcher.run();
    return ok();
}

Result<> clean_up(const CommandLine& command, spdlog::logger& log) {
    EDGE_TRY(const auto groups, claim_groups(command.options.cgroup));  // removed when it goes
    EDGE_TRY(const auto network, open_kernel_network());
    return remove_routing(*network, log);
}

int run(int argc, char** argv) {
    const auto command = parse(argc, argv);
    if (!command) return fail(command.error());
    const Mode mode = command.value().mode;
    auto log = spdlog::stderr_logger_st("edge-launcher");
    log->set_pattern("%Y-%m-%dT%H:%M:%S.%e %l %v");
    log->set_level(command.value().level);

    Config config;
    if (mode != Mode::cleanup) {
        Problems problems;
        config = read_config(command.value().options.config, problems);
        if (!problems.empty()) return fail(problems);
    }
    if (mode == Mode::check_config) {
        std::printf("ok lines=%zu services=%zu\n", config.lines.size(), config.policy.services.size());
        return EX_OK;
    }
    if (const auto kept = keep_needed_capabilities(); !kept) return fail(kept.error());
    const auto done = mode == Mode::cleanup ? clean_up(command.value(), *log) : serve(command.value(), config, *log);
    return done ? EX_OK : fail(done.error());
}

}  // namespace
}  // namespace edge::launcher

int main(int argc, char** argv) {
    return edge::launcher::run(argc, argv);
}
