#include "agent/launcher/launcher.hpp"

#include <linux/rtnetlink.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <sstream>

#include "agent/launcher/os/files.hpp"
#include "agent/launcher/os/sha256.hpp"
#include "agent/launcher/sandbox/loaded_files.hpp"
#include "agent/launcher/sandbox/seccomp_filter.hpp"

namespace edge::launcher {
namespace {

constexpr const char* kCaBundle = "/etc/ssl/certs/ca-certificates.crt";

template <class... Handlers>
struct Match : Handlers... {
    using Handlers::operator()...;
};

std::string text_in(const LineName& name) {
    return name.text;
}  // parse_request saw its NUL

}  // namespace

Launcher::Launcher(const Options& options, const Config& config, Lines& lines, LineGuard& guard, CgroupTree& groups,
                   Poller& poller, spdlog::logger& log)
    : options_(options), config_(config), lines_(lines), guard_(guard), groups_(groups), poller_(poller), log_(log) {}

Result<SandboxImage> Launcher::image() {
    SandboxImage image;
    EDGE_TRY(image.files, loaded_files(options_.probe));
    if (::access(kCaBundle, R_OK) == 0) {
        ca_ = kCaBundle;
        image.files.push_back(ca_);
    }
    EDGE_TRY(image.filter, wide_filter());
    return image;
}

Result<> Launcher::start() {
    EDGE_TRY(auto sandbox_image, image());
    EDGE_TRY(auto network,
             Netlink::subscribe({RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR, RTNLGRP_IPV4_ROUTE,
                                 RTNLGRP_IPV6_ROUTE, RTNLGRP_IPV4_RULE, RTNLGRP_IPV6_RULE}));
    EDGE_TRY(signals_, termination_signals());
    network_.emplace(std::move(network));
    workers_.emplace(poller_, groups_, guard_, std::move(sandbox_image), config_.policy.worker, options_.uid_base, log_,
                     [this](ClientId client, const WorkerExited& exited) { on_exit(client, exited); });
    server_.emplace(
        poller_, options_.agent_uid, log_,
        [this](ClientId client, const Request& request) { on_request(client, request); },
        [this](ClientId client) { workers_->drop_client(client); });
    EDGE_TRY(poller_.watch(network_->fd(), [this] { on_network(); }));
    EDGE_TRY(poller_.watch(signals_.get(), [this] { stopping_ = true; }));
    EDGE_TRY(server_->listen(options_.socket));
    follow_lines();  // what changed between bring_up and subscribe
    warn_about_ping();
    log_.info("ready lines={} enforcement={} cgroups={} workers={} socket={}", lines_.size(), "bpf-guard",
              groups_.hybrid() ? "hybrid" : "v2", Workers::kSlots, options_.socket);
    return ok();
}

void Launcher::run() {
    while (!stopping_) {
        poller_.wait(workers_->deadline());
        workers_->tick();
    }
    log_.info("stopping");
}

void Launcher::on_network() {
    if (network_->drain([this](const nlmsghdr* event) { return concerns_lines(event); })) follow_lines();
}

/// Of routes only those in the lines' tables: the main table of a router may change all the time.
bool Launcher::concerns_lines(const nlmsghdr* event) const {
    if (event->nlmsg_type != RTM_NEWROUTE && event->nlmsg_type != RTM_DELROUTE) return true;
    return lines_.has_table(Attributes<RTA_TABLE + 1>(event, sizeof(rtmsg)).u32(RTA_TABLE));
}

void Launcher::follow_lines() {
    for (const auto index : lines_.follow()) server_->send_all(packet_of(Type::line_changed, 0, lines_.info(index)));
}

void Launcher::on_exit(ClientId client, const WorkerExited& exited) {
    server_->send(client, packet_of(Type::worker_exited, 0, exited));
}

void Launcher::on_request(ClientId client, const Request& request) {
    const Header& header = request.header;
    const auto answer = [&](const auto& body) { server_->send(client, packet_of(header.type, header.serial, body)); };
    std::visit(Match{
                   [&](const GetLine& body) {
                       if (body.index < lines_.size())
                           answer(lines_.info(body.index));
                       else
                           refuse(
                               client, header,
                               Error{Errc::not_found, "line " + std::to_string(body.index), "there is none", ENOENT});
                   },
                   [&](const Spawn& body) { spawn(client, header, body); },
                   [&](const Kill& body) {
                       const auto killed = workers_->kill(client, body.worker);
                       if (killed)
                           answer(Done{});
                       else
                           refuse(client, header, killed.error());
                   },
                   [&](const Stats& body) {
                       const auto stats = workers_->stats(client, body.worker);
                       if (stats)
                           answer(stats.value());
                       else
                           refuse(client, header, stats.error());
                   },
                   [&](const RouteGet& body) { route_get(client, header, body); },
                   [&](const GetHost&) { answer(host()); },
               },
               request.verb);
}

void Launcher::spawn(ClientId client, const Header& header, const Spawn& body) {
    const auto line = lines_.find(text_in(body.line));
    if (!line)
        return refuse(client, header,
                      Error{Errc::not_found, "line " + text_in(body.line), "is not in lines.toml", ENOENT});
    const auto arguments = worker_arguments(options_.probe, lines_[*line], config_.policy, ca_);
    auto started = workers_->spawn(client, lines_[*line].name, arguments);
    if (!started) {
        log_.error("spawn_failed line={} why=\"{}\"", lines_[*line].name, started.error().message());
        return refuse(client, header, started.error());
    }
    server_->send(client, packet_of(header.type, header.serial, started.value().spawned),
                  std::move(started.value().channel));
}

void Launcher::route_get(ClientId client, const Header& header, const RouteGet& body) {
    const auto line = lines_.find(text_in(body.line));
    const auto destination = address_in(body.destination);
    if (!line || !destination)
        return refuse(client, header,
                      Error{Errc::not_found, "route_get", !line ? "no such line" : "no such address family",
                            !line ? ENOENT : EINVAL});
    const auto route = lines_.route_get(*line, *destination);
    if (!route) return refuse(client, header, route.error());
    server_->send(client, packet_of(header.type, header.serial, route.value()));
}

HostInfo Launcher::host() const {
    HostInfo host;
    const auto digest = sha256(config_.policy_text);
    std::copy(digest.begin(), digest.end(), host.policy_hash);
    host.cgroup_mode = groups_.hybrid() ? 1 : 2;
    host.worker_slots = Workers::kSlots;
    host.enforcement = Enforcement::bpf_guard;
    utsname name{};
    ::uname(&name);
    std::copy_n(name.release, std::min(std::strlen(name.release), sizeof host.kernel - 1), host.kernel);
    return host;
}

void Launcher::refuse(ClientId client, const Header& header, const Error& error) {
    int status = error.os_errno;
    if (status == 0 && error.code == Errc::timed_out) status = ETIMEDOUT;
    server_->send(client, failure_of(header, status, error.message()));
}

/// Ping sockets are allowed by group id, per network namespace, and to nobody by default.
void Launcher::warn_about_ping() const {
    const auto text = read_file("/proc/sys/net/ipv4/ping_group_range");
    if (!text) return;
    std::uint64_t low = 1, high = 0;
    std::istringstream(text.value()) >> low >> high;
    const std::uint64_t first = options_.uid_base, last = first + Workers::kSlots - 1;
    if (low <= first && last <= high) return;
    const bool nobody = low > high;
    log_.warn("ping_denied gids={}-{} todo=\"sysctl -w net.ipv4.ping_group_range='{} {}'\"", first, last,
              nobody ? first : std::min(low, first), nobody ? last : std::max(high, last));
}

}  // namespace edge::launcher
