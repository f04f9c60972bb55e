#include "agent/commands.hpp"

#include <malloc.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>

#include "agent/agent.hpp"
#include "agent/disk/posix_disk.hpp"
#include "agent/doctor/doctor.hpp"
#include "agent/exit_status.hpp"
#include "agent/link/link_state.hpp"
#include "agent/proxy_setting.hpp"
#include "agent/settings_file.hpp"
#include "agent/site_report/gather.hpp"
#include "agent/site_report/site_page.hpp"
#include "agent/state_folder.hpp"
#include "protocol/json/described.hpp"
#include "protocol/systemd/notifier.hpp"
#include "protocol/systemd/program_log.hpp"

namespace edge::agent {
namespace {

/// For a SIGHUP: a file that is wrong changes nothing, and says so in the log.
std::optional<LineSettings> lines_again(const std::string& file) {
    const auto text = settings_text(file);
    if (!text) {
        spdlog::error("not_reloaded why=\"{}\"", text.error().message());
        return std::nullopt;
    }
    auto settings = parse_settings(text.value(), file);
    if (settings) return std::move(settings.value().lines);
    for (const Error& problem : settings.error()) spdlog::error("not_reloaded why=\"{}\"", problem.message());
    return std::nullopt;
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

}  // namespace

int check_config(const std::string& config) {
    const auto settings = load_settings(config);
    if (const int* status = std::get_if<int>(&settings)) return *status;
    if (const auto proxy = proxy_of(std::get<Settings>(settings).link); !proxy)
        return complain(exit_config, proxy.error().message());
    std::puts("ok");
    return exit_ok;
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
    // Who looks at it takes it for this process's word from the lock on.
    if (auto removed = state.value().remove(kLinkStateFile); !removed)
        return complain_of_directory(removed.error(), directory);
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
