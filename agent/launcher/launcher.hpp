// What the verbs do, and what happens by itself.
#pragma once
#include <spdlog/logger.h>

#include <chrono>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "agent/launcher/lines/lines.hpp"
#include "agent/launcher/lines/uplink.hpp"
#include "agent/launcher/os/netlink.hpp"
#include "agent/launcher/sandbox/workers.hpp"
#include "agent/launcher/server.hpp"
#include "agent/launcher/usage.hpp"
#include "protocol/ration.hpp"
#include "protocol/systemd/loop_report.hpp"

namespace edge::launcher {

struct Options {
    std::string config;
    std::string socket;
    std::string cgroup;
    std::string probe;
    std::string state;                         // folder; empty: bytes of the day and month are forgotten at the end
    uid_t agent_uid = static_cast<uid_t>(-1);  // -1: not given
    uid_t uid_base = 0;
    gid_t gid_base = 0;
    std::uint32_t uids = kWorkerUids;  // of the workers, from uid_base on, and as many groups
    Privileges privileges = Privileges::root;
};

/// Whether some lines are in other network namespaces than ours.
Namespaces namespaces_of(const std::vector<Line>& lines);

/// Owns: server and workers. Borrows: the lines, their guard, the groups and the notifier, which outlive it.
/// Executor: run() is the process's one thread.
class Launcher {
  public:
    Launcher(const Options& options, const Config& config, Lines& lines, LineGuard& guard, CgroupTree& groups,
             Poller& poller, systemd::Notifier& manager, spdlog::logger& log);

    /// Finds the probe's files, follows the devices, opens the socket. Errors: any; nothing is left behind.
    Result<> start();
    /// Serves until SIGTERM or SIGINT. Errors: io, when its spawner has ended.
    Result<> run();

  private:
    void on_request(ClientId client, const Request& request);
    Result<> watch_mounts();
    void watch_networks();
    void note(const nlmsghdr* event);
    void follow_soon();
    void follow_lines();
    void on_exit(ClientId client, const WorkerExited& exited);
    Result<std::size_t> line_named(const LineName& name) const;
    Result<LineInfo> line_info(const GetLine& body);
    Result<Workers::Started> spawn(ClientId client, const Spawn& body);
    Result<Workers::Started> attempt(ClientId client, const Attempt& body);
    Result<Done> kill(ClientId client, const Kill& body);
    Result<Route> route_get(const RouteGet& body);
    Result<Done> deny(const DenyTargets& body);
    Result<LineUsage> usage(const AskUsage& body);
    Result<Uplink> open_uplink(const OpenUplink& body);
    void tell(const std::vector<std::uint32_t>& changed);
    HostInfo host() const;
    std::string status() const;
    void refuse(ClientId client, const Header& header, const Error& error);
    Result<Spawner> spawner();
    Result<> confine() const;

    const Options& options_;
    const Config& config_;
    Lines& lines_;
    LineGuard& guard_;
    CgroupTree& groups_;
    Poller& poller_;
    spdlog::logger& log_;
    std::string ca_;         // the bundle's path in the sandbox
    std::set<int> watched_;  // the networks' events
    Rerouted rerouted_;      // what they told since the last look
    std::optional<std::chrono::steady_clock::time_point> look_due_;
    std::chrono::steady_clock::time_point looked_{};
    Fd mounts_, signals_;
    bool stopping_ = false;
    Ration denials_{8, std::chrono::seconds(1)};
    Ration uplinks_{32, std::chrono::milliseconds(250)};  // a dial takes a few, names included
    std::optional<Error> failed_;
    std::set<std::string> arp_warned_;  // lines
    systemd::LoopReport report_;
    std::optional<Workers> workers_;
    std::optional<Usage> usage_;
    std::optional<Server> server_;
};

}  // namespace edge::launcher
