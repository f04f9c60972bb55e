#include "agent/enrolment/join.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iostream>

#include "agent/disk/posix_disk.hpp"
#include "agent/exit_status.hpp"
#include "agent/link/enroll.hpp"
#include "agent/proxy_setting.hpp"
#include "agent/state_folder.hpp"

namespace edge::agent {
namespace {

constexpr std::chrono::seconds kEnrollWithin{15};
constexpr std::size_t kMaxTokenText = 1024;  // a join token has 120 characters

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
    std::stable_partition(names.begin(), names.end(), [](const std::string& name) { return name != kIdentityFile; });
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

Result<std::string> join_token(const JoinTokenSource& source) {
    if (source.file.empty() && source.text.empty())
        return Error{Errc::bad_value, "enroll",
                     "no join token; an operator makes one with `edgectl token create --node NODE`: write it to a file "
                     "and say --token-file FILE"};
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

int complain_of_token(const Error& error) {
    return complain(error.code == Errc::not_found ? exit_no_input : exit_usage, error.message());
}

int join(const Settings& settings, const JoinOrder& order) {
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
    const EnrollOrder asked{order.url, order.token, order.name.empty() ? own_name : order.name, settings.node.labels,
                            order.replace};
    const auto identity = enroll(state.value(), asked, post,
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

}  // namespace edge::agent
