#include "agent/commands.hpp"

#include <malloc.h>
#include <pwd.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <sstream>

#include "agent/agent.hpp"
#include "agent/disk/posix_disk.hpp"
#include "agent/doctor/doctor.hpp"
#include "agent/health/prefix_scan.hpp"
#include "agent/link/enroll.hpp"
#include "agent/proxy_setting.hpp"
#include "agent/site_report/gather.hpp"
#include "agent/site_report/site_page.hpp"
#include "protocol/config/toml.hpp"
#include "protocol/json/described.hpp"
#include "protocol/systemd/notifier.hpp"
#include "protocol/systemd/program_log.hpp"

namespace edge::agent {
namespace {

constexpr std::chrono::seconds kEnrollWithin{15};
constexpr std::size_t kMaxTokenText = 1024;  // a join token has 120 characters

Result<std::string> text_of(const std::string& file) {
    errno = 0;
    std::ifstream stream(file, std::ios::binary);
    std::ostringstream text;
    if (stream) text << stream.rdbuf();  // `text` fails for an empty file as well: errno tells
    if (errno == 0) return text.str();
    return os_error(errno, file, "cannot be read; name agent.toml with --config FILE");
}

/// The settings, or the status to end with; all problems are said.
std::variant<Settings, int> load_settings(const std::string& file) {
    const auto text = text_of(file);
    if (!text) return complain(exit_no_input, text.error().message());
    auto settings = parse_settings(text.value(), file);
    std::vector<Error> problems;
    if (!settings) {
        problems = std::move(settings.error());
    } else if (const std::string& prefixes = settings.value().health.prefix_file; !prefixes.empty()) {
        problems = check_prefix_file(prefixes);
    }
    if (settings && problems.empty()) return std::move(settings.value());
    for (const Error& problem : problems) complain(exit_config, problem.message());
    return exit_config;
}

/// For a SIGHUP: a file that is wrong changes nothing, and says so in the log.
std::optional<LineSettings> lines_again(const std::string& file) {
    const auto text = text_of(file);
    if (!text) {
        spdlog::error("not_reloaded why=\"{}\"", text.error().message());
        return std::nullopt;
    }
    auto settings = parse_settings(text.value(), file);
    if (settings) return std::move(settings.value().lines);
    for (const Error& problem : settings.error()) spdlog::error("not_reloaded why=\"{}\"", problem.message());
    return std::nullopt;
}

int complain_of_directory(const Error& error, const std::string& path) {
    const std::string what = error.message();
    switch (error.code) {
        case Errc::not_found:
            return complain(
                exit_no_input,
                path + ": not there; create it, owned by the user edge-agent runs as, or set [agent] state_dir");
        case Errc::denied:
            return complain(exit_cannot_create, what + "; chown it to the user edge-agent runs as");
        case Errc::conflict:
            return complain(exit_unavailable, what + "; stop that one, or give each its own state_dir");
        default:
            return complain(exit_io, what);
    }
}

/// Root would leave files that the agent's user cannot open. Nothing when all is well.
std::optional<int> complain_of_owner(const std::string& directory) {
    struct stat status {};
    if (::geteuid() != 0 || ::stat(directory.c_str(), &status) != 0 || status.st_uid == 0) return std::nullopt;
    const passwd* owner = ::getpwuid(status.st_uid);
    const std::string name = owner != nullptr ? owner->pw_name : "#" + std::to_string(status.st_uid);
    return complain(exit_denied, directory + ": belongs to " + name + "; run this as that user: runuser -u " + name +
                                     " -- edge-agent ...");
}

/// The key's file must be ours alone.
bool others_can_read(const std::string& path) {
    struct stat status {};
    return ::stat(path.c_str(), &status) == 0 && (status.st_mode & 077) != 0;
}

std::variant<Joined, int> load_joined(Disk& state, const Settings& settings, const std::string& config) {
    const std::string& directory = settings.agent.state_dir;
    auto identity = load_identity(state);
    if (!identity && identity.error().code == Errc::not_found) {
        return complain(
            exit_config,
            directory + ": this node has not joined a broker; run: edge-agent enroll URL --token-file FILE --config " +
                config);
    }
    if (!identity)
        return complain(exit_config, directory + "/" + identity.error().message() +
                                         "; enroll again: edge-agent enroll URL --replace");
    if (others_can_read(directory + "/" + kKeyFile))
        return complain(exit_config, directory + "/node.key: readable by others; chmod 600 it");
    auto keys = NodeKeys::load(state);
    if (!keys) return complain(exit_config, keys.error().message() + "; enroll again: edge-agent enroll URL --replace");
    auto endpoint = endpoint_of(identity.value());
    if (!endpoint)
        return complain(exit_config, directory + "/identity.json: " + endpoint.error().message() + "; enroll again");
    return Joined{std::move(identity.value()), std::move(keys.value()),
                  brokers_of(settings.link.brokers, endpoint.value()), std::nullopt};
}

int complain_of_spool(const Error& error, const std::string& path) {
    return complain(error.code == Errc::unsupported ? exit_no_input : exit_io, path + ": " + error.message());
}

/// A directory for what is set aside: one that holds nothing yet, or that an earlier try was killed in.
std::string place_for(const std::string& directory, const std::string& of_whom) {
    const std::string first = directory + "/replaced-" + of_whom;
    const auto is_there = [](const std::string& path) { return ::access(path.c_str(), F_OK) == 0; };
    std::string place = first;
    for (int n = 2;
         is_there(place + "/" + kIdentityFile) || (is_there(place + "/spool") && is_there(directory + "/spool")); ++n)
        place = first + "-" + std::to_string(n);
    return place;
}

/// What this node was, as a state directory of its own: an agent that is started on it delivers what waits there, as
/// long as the broker takes its key. The spool goes first: under another node's name nothing of it may be sent.
/// `old` is null where what is there does not say who it was.
Result<> set_aside(const std::string& directory, PosixDisk& state, const Identity* old) {
    const std::string aside = place_for(directory, old ? old->node_id.text() : "unknown");
    EDGE_TRY(auto target, PosixDisk::make(aside));
    std::error_code failed;
    const std::string spool = directory + "/spool";
    if (std::filesystem::exists(spool, failed)) std::filesystem::rename(spool, aside + "/spool", failed);
    if (failed) return os_error(failed.value(), spool, "cannot be set aside");
    EDGE_TRY(target.sync_names());
    EDGE_TRY(auto names, state.list());
    std::ranges::stable_partition(names, [](const std::string& name) { return name != kIdentityFile; });
    for (const std::string& name : names) {
        if (name == "lock" || name == kEnrolKeyFile) continue;
        std::filesystem::rename(directory + "/" + name, aside + "/" + name, failed);
        if (failed) return os_error(failed.value(), name, "cannot be set aside");
    }
    EDGE_TRY(target.sync_names());
    EDGE_TRY(state.sync_names());
    const std::string who =
        old ? old->name.text() + " (" + old->node_id.text() + ")" : "which its identity.json does not say";
    std::printf(
        "what this was, %s, is in %s with all that it has not delivered; to deliver it, as long as the "
        "broker takes its key, run an agent whose [agent] state_dir is that\n",
        who.c_str(), aside.c_str());
    return ok();
}

int enroll_status(const Error& error) {
    switch (error.code) {
        case Errc::denied:
            return error.os_errno == 0 ? exit_denied : exit_cannot_create;
        case Errc::conflict:
            return exit_cannot_create;
        case Errc::unavailable:
            return exit_unavailable;
        case Errc::bad_value:
        case Errc::bad_syntax:
            return exit_usage;
        default:
            return error.os_errno == 0 ? exit_unavailable : exit_io;
    }
}

}  // namespace

int complain(int status, const std::string& text) {
    std::fprintf(stderr, "edge-agent: %s\n", text.c_str());
    return status;
}

int check_config(const std::string& config) {
    const auto settings = load_settings(config);
    if (const int* status = std::get_if<int>(&settings)) return *status;
    if (const auto proxy = proxy_of(std::get<Settings>(settings).link); !proxy)
        return complain(exit_config, proxy.error().message());
    std::puts("ok");
    return exit_ok;
}

Result<std::string> join_token(const JoinTokenSource& source) {
    if (source.file.empty()) return source.text;
    const bool piped = source.file == "-";
    const std::string where = piped ? "standard input" : source.file;
    errno = 0;
    std::ifstream file;
    if (!piped) file.open(source.file, std::ios::binary);
    std::istream& stream = piped ? std::cin : file;
    std::string text(kMaxTokenText + 1, '\0');
    stream.read(text.data(), static_cast<std::streamsize>(text.size()));
    if (stream.bad() || (!piped && !file.is_open()))
        return Error{Errc::not_found, where, "cannot be read; it should hold the join token", errno};
    text.resize(static_cast<std::size_t>(stream.gcount()));
    const bool too_long = text.size() > kMaxTokenText;
    while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
    if (text.empty() || too_long || text.find('\n') != std::string::npos)
        return Error{Errc::bad_value, where, "expected one line, the join token, and nothing else"};
    return text;
}

int enroll_node(const std::string& config, const EnrollCommand& command) {
    const auto loaded = load_settings(config);
    if (const int* status = std::get_if<int>(&loaded)) return *status;
    const auto token = join_token(command.token);
    if (!token)
        return complain(token.error().code == Errc::not_found ? exit_no_input : exit_usage, token.error().message());
    const Settings& settings = std::get<Settings>(loaded);
    const std::string& directory = settings.agent.state_dir;
    if (const auto status = complain_of_owner(directory)) return *status;
    const bool was_there = ::access(directory.c_str(), F_OK) == 0;
    auto state = PosixDisk::make(directory);
    if (!state) return complain_of_directory(state.error(), directory);
    if (auto locked = state.value().lock(); !locked) return complain_of_directory(locked.error(), directory);
    const auto proxy = proxy_of(settings.link);
    if (!proxy) return complain(exit_config, proxy.error().message());
    const Post post = [&proxy](const Endpoint& endpoint, const std::string& path, const std::string& body) {
        return https_post(endpoint, path, body, kEnrollWithin, proxy.value());
    };
    const std::string own_name = settings.node.name ? settings.node.name->text() : std::string();
    const EnrollOrder order{command.url, token.value(), command.name.empty() ? own_name : command.name,
                            settings.node.labels, command.replace};
    const auto identity = enroll(state.value(), order, post,
                                 [&](const Identity* old) { return set_aside(directory, state.value(), old); });
    if (identity) {
        std::printf("enrolled as %s (%s)\n", identity.value().name.text().c_str(),
                    identity.value().node_id.text().c_str());
        return exit_ok;
    }
    if (!was_there && !state.value().read(kKeyFile)) {  // refused: nothing half-made is left
        (void)state.value().remove("lock");
        (void)::rmdir(directory.c_str());
    }
    return complain(enroll_status(identity.error()), identity.error().message());
}

int rotate_key(const std::string& config) {
    const auto loaded = load_settings(config);
    if (const int* status = std::get_if<int>(&loaded)) return *status;
    const Settings& settings = std::get<Settings>(loaded);
    const std::string& directory = settings.agent.state_dir;
    if (const auto status = complain_of_owner(directory)) return *status;
    auto state = PosixDisk::open(directory);
    if (!state) return complain_of_directory(state.error(), directory);
    if (auto locked = state.value().lock(); !locked) {
        if (locked.error().code != Errc::conflict) return complain_of_directory(locked.error(), directory);
        return complain(exit_unavailable,
                        directory + ": edge-agent runs there; while it does, an operator says: edgectl rotate NODE");
    }
    auto joined = load_joined(state.value(), settings, config);
    if (const int* status = std::get_if<int>(&joined)) return *status;
    if (auto made = std::get<Joined>(joined).keys.make_next(); !made)
        return complain_of_directory(made.error(), directory);
    std::printf("a new key is made; it takes the old one's place when the agent runs and the broker has stored it\n");
    return exit_ok;
}

int run_agent(const std::string& config) {
    const auto loaded = load_settings(config);
    if (const int* status = std::get_if<int>(&loaded)) return *status;
    const Settings& settings = std::get<Settings>(loaded);
    const std::string& directory = settings.agent.state_dir;
    if (const auto status = complain_of_owner(directory)) return *status;
    auto state = PosixDisk::open(directory);
    if (!state) return complain_of_directory(state.error(), directory);
    if (auto locked = state.value().lock(); !locked) return complain_of_directory(locked.error(), directory);
    auto joined = load_joined(state.value(), settings, config);
    if (const int* status = std::get_if<int>(&joined)) return *status;
    auto proxy = proxy_of(settings.link);
    if (!proxy) return complain(exit_config, proxy.error().message());
    std::get<Joined>(joined).proxy = std::move(proxy.value());
    const std::string spool_path = directory + "/spool";
    auto spool_disk = PosixDisk::make(spool_path);
    if (!spool_disk) return complain_of_directory(spool_disk.error(), spool_path);
    Spool::Terms terms;
    terms.keep_bytes = std::uint64_t{settings.agent.spool_kept_mb} * 1024 * 1024;
    terms.keep_us = std::uint64_t{settings.agent.spool_kept_h} * 3'600 * 1'000'000;
    auto spool = Spool::open(spool_disk.value(), terms);
    if (!spool) return complain_of_spool(spool.error(), spool_path);

    const auto log = systemd::open_program_log("edge-agent", std::string(enum_text(settings.log.level)));
    systemd::Notifier manager(systemd::take_notify_terms(), *log);
    for (const std::string& note : spool.value().take_notes()) spdlog::warn("{}", note);
    if (::geteuid() == 0)
        spdlog::warn("running_as_root advice=\"nothing here needs it; run edge-agent as a user of its own\"");
    const Identity& identity = std::get<Joined>(joined).identity;
    spdlog::info("starting version={} node={} name={} broker={} spool={} unsent={}", EDGE_VERSION,
                 identity.node_id.text(), identity.name.text(), identity.url, spool.value().id().text(),
                 spool.value().first() == 0 ? 0 : spool.value().last() - spool.value().first() + 1);
    (void)::mallopt(M_TRIM_THRESHOLD, 256 * 1024);  // what a burst needed is given back

    boost::asio::io_context io(1);
    Agent agent(
        io, settings, std::get<Joined>(std::move(joined)), state.value(), spool.value(),
        [&config] { return lines_again(config); }, manager);
    if (auto ended = agent.run(); !ended)
        return complain(exit_io, ended.error().message() + "; the spool is recovered at the next start");
    return exit_ok;
}

int run_doctor(const std::string& config, bool as_json) {
    const auto loaded = load_settings(config);
    if (const int* status = std::get_if<int>(&loaded)) return *status;
    const Diagnosis diagnosis = examine(std::get<Settings>(loaded));
    std::fputs((as_json ? edge::agent::as_json(diagnosis) : as_text(diagnosis)).c_str(), stdout);
    return diagnosis.failed() ? exit_unwell : exit_ok;
}

int report_site(const std::string& config, const std::string& language) {
    const auto loaded = load_settings(config);
    if (const int* status = std::get_if<int>(&loaded)) return *status;
    const auto facts = gather_site_facts(std::get<Settings>(loaded), config);
    if (!facts)
        return complain(exit_unavailable, facts.error().message() + "; run as root, or as who runs edge-launcher");
    std::fputs(site_page(facts.value(), language == "zh" ? Language::zh : Language::en).c_str(), stdout);
    return exit_ok;
}

}  // namespace edge::agent
