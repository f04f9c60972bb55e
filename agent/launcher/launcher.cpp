#include "agent/launcher/launcher.hpp"

#include <fcntl.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "agent/launcher/host_warnings.hpp"
#include "agent/launcher/lines/netlink_messages.hpp"
#include "agent/launcher/os/sha256.hpp"
#include "agent/launcher/policy_entries.hpp"
#include "agent/launcher/sabotage.hpp"
#include "agent/launcher/sandbox/loaded_files.hpp"
#include "agent/launcher/sandbox/seccomp_filter.hpp"
#include "protocol/launcher/payloads.hpp"
#include "protocol/systemd/counted.hpp"

namespace edge::launcher {
namespace {

constexpr std::chrono::milliseconds kBetweenLooks{200};
constexpr const char* kCaBundle = "/etc/ssl/certs/ca-certificates.crt";

const char* name_of(Enforcement level) {
    if (level == Enforcement::cooperative) return "cooperative";
    return level == Enforcement::bpf_guard ? "bpf-guard" : "nft-guard";
}

const char* name_of(CgroupMode mode) {
    if (mode == CgroupMode::none) return "none";
    return mode == CgroupMode::hybrid ? "hybrid" : "v2";
}

using Deadline = std::optional<std::chrono::steady_clock::time_point>;

Deadline earlier(const Deadline& a, const Deadline& b) {
    return a && b ? std::min(*a, *b) : a ? a : b;
}

template <class... Handlers>
struct Match : Handlers... {
    using Handlers::operator()...;
};

}  // namespace

Namespaces namespaces_of(const std::vector<Line>& lines) {
    const auto is_elsewhere = [](const Line& line) { return !line.netns.empty(); };
    return std::any_of(lines.begin(), lines.end(), is_elsewhere) ? Namespaces::others : Namespaces::own;
}

Launcher::Launcher(const Options& options, const Config& config, Lines& lines, LineGuard& guard, CgroupTree& groups,
                   Poller& poller, systemd::Notifier& manager, spdlog::logger& log)
    : options_(options),
      config_(config),
      lines_(lines),
      guard_(guard),
      groups_(groups),
      poller_(poller),
      log_(log),
      report_(manager, [this] { return status(); }) {}

Result<Spawner> Launcher::spawner() {
    SandboxImage image;
    EDGE_TRY(image.files, loaded_files(options_.probe));
    if (::access(kCaBundle, R_OK) == 0) {
        ca_ = kCaBundle;
        image.files.push_back(ca_);
    }
    EDGE_TRY(image.filter, wide_filter());
    return Spawner::fork(image, {options_.uid_base, options_.uid_base + options_.uids - 1}, options_.privileges,
                         namespaces_of(config_.lines));
}

Result<> Launcher::confine() const {
    if (EDGE_IS_OFF(launcher_filter)) return ok();
    return confine_launcher({.bpf = guard_.enforcement() == Enforcement::bpf_guard,
                             .setns = namespaces_of(config_.lines) == Namespaces::others,
                             .programs = guard_.enforcement() == Enforcement::nft_guard});
}

Result<> Launcher::start() {
    EDGE_TRY(auto forked, spawner());  // before there is anything that it should not inherit
    const int spawner_pidfd = forked.pidfd();
    EDGE_TRY(signals_, termination_signals());
    workers_.emplace(poller_, groups_, guard_, std::move(forked), config_.policy.worker, log_,
                     [this](ClientId client, const WorkerExited& exited) { on_exit(client, exited); });
    usage_.emplace(options_.state, config_.policy.line, lines_, *workers_, log_);
    EDGE_TRY(usage_->load());
    server_.emplace(
        poller_, options_.agent_uid, log_,
        [this](ClientId client, const Request& request) { on_request(client, request); },
        [this](ClientId client) { workers_->drop_client(client); });
    EDGE_TRY(watch_mounts());
    EDGE_TRY(poller_.watch(signals_.get(), [this] { stopping_ = true; }));
    EDGE_TRY(poller_.watch(spawner_pidfd, [this] {
        failed_ = Error{Errc::io, "spawner", "has ended, and nothing can be started"};
    }));
    EDGE_TRY(server_->listen(options_.socket));
    EDGE_TRY(confine());
    follow_lines();  // what changed since bring_up
    warn_about_ping(lines_, options_.gid_base, options_.uids, log_);
    log_.info("ready lines={} enforcement={} cgroups={} workers={} socket={}", lines_.size(),
              name_of(guard_.enforcement()), name_of(groups_.mode()), kWorkerUids, options_.socket);
    report_.ready(std::chrono::steady_clock::now());
    return ok();
}

Result<> Launcher::run() {
    std::size_t workers = 0;
    while (!stopping_ && !failed_) {
        poller_.wait(
            earlier(earlier(workers_->deadline(), usage_->deadline()), earlier(look_due_, report_.deadline())));
        const auto now = std::chrono::steady_clock::now();
        if (std::exchange(workers, workers_->size()) != workers_->size()) report_.changed(now);
        report_.turn(now);
        if (look_due_ && *look_due_ <= now) follow_lines();
        workers_->tick();
        tell(usage_->tick());
    }
    report_.stopping();
    log_.info("stopping");
    if (failed_) return *failed_;
    return ok();
}

/// A network namespace has a name as long as it is mounted there.
Result<> Launcher::watch_mounts() {
    if (namespaces_of(config_.lines) == Namespaces::own) return ok();
    mounts_ = Fd(::open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC));
    if (!mounts_) return os_error(errno, "/proc/self/mountinfo");
    EDGE_TRY(poller_.watch(mounts_.get(), [this] { follow_lines(); }));
    poller_.wait_until(mounts_.get(), Poller::Ready::changed);
    return ok();
}

void Launcher::watch_networks() {
    for (auto* network : lines_.networks()) {
        if (!watched_.insert(network->events()).second) continue;
        const auto look = [this, network] {
            if (network->drain([this](const nlmsghdr* event) { note(event); })) return;
            rerouted_.rules = true;
            follow_soon();
        };
        if (const auto watched = poller_.watch(network->events(), look); !watched)
            log_.error("network_unwatched why=\"{}\"", watched.error().message());
    }
}

/// Of routes only those in the lines' tables: the main table of a router may change all the time.
void Launcher::note(const nlmsghdr* event) {
    const auto change = change_in(event);
    if (change.of == Change::Of::routes && !lines_.has_table(change.table)) return;
    if (!change.is_ours) {
        rerouted_.rules = rerouted_.rules || change.of == Change::Of::rules;
        if (change.of == Change::Of::routes) rerouted_.tables.insert(change.table);
    }
    if (change.of == Change::Of::routes) return follow_soon();
    look_due_ = std::chrono::steady_clock::now();  // a new address of the host's is no target from now on
}

/// At once; where a routing daemon's changes do not end, a few times a second.
void Launcher::follow_soon() {
    const auto due = std::max(std::chrono::steady_clock::now(), looked_ + kBetweenLooks);
    look_due_ = look_due_ ? std::min(*look_due_, due) : due;
}

void Launcher::follow_lines() {
    look_due_.reset();
    looked_ = std::chrono::steady_clock::now();
    const auto changed = lines_.follow(std::exchange(rerouted_, {}));
    for (const auto& left : lines_.take_left()) {
        poller_.forget(left.network->events());
        watched_.erase(left.network->events());
        for (const auto& line : left.lines) workers_->drop_line(line.name);
    }
    tell(changed);  // who hears that a line has gone finds no worker of it that still answers
    watch_networks();
    warn_about_arp(lines_, arp_warned_, log_);  // a parent that is made anew has forgotten its settings
}

void Launcher::tell(const std::vector<std::uint32_t>& changed) {
    for (const auto index : changed) server_->send_all(packet_of(Type::line_changed, 0, lines_.info(index)));
}

void Launcher::on_exit(ClientId client, const WorkerExited& exited) {
    server_->send(client, packet_of(Type::worker_exited, 0, exited));
}

void Launcher::on_request(ClientId client, const Request& request) {
    const Header& header = request.header;
    const auto answer = [&](const auto& body, Fd passed = {}) {
        server_->send(client, packet_of(header.type, header.serial, body), std::move(passed));
    };
    const auto reply = [&](const auto& result) {
        if (result)
            answer(result.value());
        else
            refuse(client, header, result.error());
    };
    const auto hand_over = [&](Result<Workers::Started> started) {
        if (!started) return refuse(client, header, started.error());
        answer(started.value().spawned, std::move(started.value().channel));
    };
    std::visit(Match{
                   [&](const GetLine& body) { reply(line_info(body)); },
                   [&](const Spawn& body) { hand_over(spawn(client, body)); },
                   [&](const Attempt& body) { hand_over(attempt(client, body)); },
                   [&](const Kill& body) { reply(kill(client, body)); },
                   [&](const Stats& body) { reply(workers_->stats(client, body.worker)); },
                   [&](const RouteGet& body) { reply(route_get(body)); },
                   [&](const GetHost&) { answer(host()); },
                   [&](const GetPolicy& body) { reply(policy_part(policy_entries(lines_.policy()), body.part)); },
                   [&](const DenyTargets& body) { reply(deny(body)); },
                   [&](const AskUsage& body) { reply(usage(body)); },
                   [&](const OpenUplink& body) {
                       auto uplink = open_uplink(body);
                       if (!uplink) return refuse(client, header, uplink.error());
                       answer(uplink.value().info, std::move(uplink.value().fd));
                   },
               },
               request.verb);
}

Result<std::size_t> Launcher::line_named(const LineName& name) const {
    const std::string text = name.text;  // parse_request saw its NUL
    if (const auto line = lines_.find(text)) return *line;
    return Error{Errc::not_found, "line " + text, "is not in lines.toml", ENOENT};
}

Result<LineInfo> Launcher::line_info(const GetLine& body) {
    if (look_due_) follow_lines();  // who asks is told what is
    if (body.index < lines_.size()) return lines_.info(body.index);
    return Error{Errc::not_found, "line " + std::to_string(body.index), "there is none", ENOENT};
}

Result<Workers::Started> Launcher::spawn(ClientId client, const Spawn& body) {
    EDGE_TRY(const auto index, line_named(body.line));
    const Line& line = lines_[index];
    EDGE_TRY(const auto inside, lines_.enter(index));
    auto words = worker_arguments(options_.probe, line, lines_.policy(), ca_);
    if (guard_.enforcement() == Enforcement::cooperative) words.insert(words.end(), {"--bind", line.device});
    auto started = workers_->spawn(client, line, words);
    if (!started) log_.error("spawn_failed line={} why=\"{}\"", line.name, started.error().message());
    return started;
}

/// In the same cage as a worker: the same program, told to try something. What is tried is no word of the asker's.
Result<Workers::Started> Launcher::attempt(ClientId client, const Attempt& body) {
    EDGE_TRY(const auto index, line_named(body.line));
    const std::string name(kPayloads[body.payload].name);
    log_.info("escape_attempt line={} payload={} sealed={}", lines_[index].name, name, body.sealed);
    std::vector<std::string> arguments{options_.probe, "payload", name, "3"};
    if (body.sealed != 0) arguments.push_back("--sealed");
    EDGE_TRY(const auto inside, lines_.enter(index));
    return workers_->spawn(client, lines_[index], arguments);
}

Result<Done> Launcher::kill(ClientId client, const Kill& body) {
    EDGE_TRY(workers_->kill(client, body.worker));
    return Done{};
}

Result<Route> Launcher::route_get(const RouteGet& body) {
    EDGE_TRY(const auto line, line_named(body.line));
    if (const auto destination = address_in(body.destination))
        return lines_.route_get(line, *destination, static_cast<std::uint8_t>(body.protocol), body.port);
    return Error{Errc::bad_value, "route_get", "no such address family", EINVAL};
}

/// Each may load every line's guard anew, in the thread that serves all.
Result<Done> Launcher::deny(const DenyTargets& body) {
    if (!denials_.take(std::chrono::steady_clock::now()))
        return Error{Errc::unavailable, "deny_targets", "comes too often; ask once a second", EAGAIN};
    std::vector<IpAddress> addresses;
    for (const auto& one : body.addresses)
        if (const auto address = address_in(one)) addresses.push_back(*address);
    EDGE_TRY(lines_.deny(std::move(addresses)));
    return Done{};
}

Result<LineUsage> Launcher::usage(const AskUsage& body) {
    if (body.index < lines_.size()) return usage_->of(body.index);
    return Error{Errc::not_found, "line " + std::to_string(body.index), "there is none", ENOENT};
}

/// The agent's own, so in no group of the line's: what binds it is on the socket.
Result<Uplink> Launcher::open_uplink(const OpenUplink& body) {
    EDGE_TRY(const auto line, line_named(body.line));
    if (!uplinks_.take(std::chrono::steady_clock::now()))
        return Error{Errc::unavailable, "open_uplink", "comes too often; ask four times a second", EAGAIN};
    EDGE_TRY(const auto inside, lines_.enter(line));
    return launcher::open_uplink(lines_.info(line), body);
}

HostInfo Launcher::host() const {
    HostInfo host;
    const auto digest = sha256(config_.policy_text);
    std::copy(digest.begin(), digest.end(), host.policy_hash);
    host.cgroup_mode = groups_.mode();
    host.worker_slots = kWorkerUids;
    host.enforcement = guard_.enforcement();
    host.uid_base = options_.uid_base;
    host.gid_base = options_.gid_base;
    host.uids = options_.uids;
    if (groups_.mode() != CgroupMode::none) options_.cgroup.copy(host.cgroup, sizeof host.cgroup - 1);
    host.cpu_percent = config_.policy.worker.cpu_percent;
    host.memory_mb = config_.policy.worker.memory_mb;
    host.pids = config_.policy.worker.pids;
    host.bytes_per_s = config_.policy.line.bytes_per_s;
    host.packets_per_s = config_.policy.line.packets_per_s;
    utsname name{};
    ::uname(&name);
    std::copy_n(name.release, std::min(std::strlen(name.release), sizeof host.kernel - 1), host.kernel);
    return host;
}

std::string Launcher::status() const {
    return systemd::counted(lines_.size(), "line") + ", " + systemd::counted(workers_->size(), "worker");
}

void Launcher::refuse(ClientId client, const Header& header, const Error& error) {
    int status = error.os_errno;
    if (status == 0 && error.code == Errc::timed_out) status = ETIMEDOUT;
    server_->send(client, failure_of(header, status, error.message()));
}

}  // namespace edge::launcher
