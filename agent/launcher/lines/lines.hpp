// The node's lines, brought up, kept with their devices, and taken down.
#pragma once
#include <spdlog/logger.h>

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "agent/launcher/config.hpp"
#include "agent/launcher/lines/line_guard.hpp"
#include "agent/launcher/lines/line_namespaces.hpp"
#include "agent/launcher/lines/missing.hpp"
#include "agent/launcher/os/fd.hpp"
#include "agent/launcher/usage_ledger.hpp"
#include "protocol/launcher/messages.hpp"

namespace edge::launcher {

/// What changed of routing since the last look, by somebody else's hand.
struct Rerouted {
    bool rules = false;                // or what nobody can say: events were lost
    std::set<std::uint32_t> tables{};  // whose routes
};

/// Owns: the rules, routes and devices of the lines, from bring_up until it goes. Borrows everything else.
/// Without privileges there are none of ours, nor a mark: it looks, and says what is missing.
class Lines {
  public:
    /// `network`: the process's own; `open` those of lines that are in others.
    Lines(std::vector<Line> lines, const Policy& policy, Network& network, LineGuard& guard, spdlog::logger& log,
          OpenNetwork open = {}, Privileges privileges = Privileges::root);
    ~Lines();
    Lines(const Lines&) = delete;

    /// `groups`: each line's control group, in the lines' order. Guards first, then rules and routes.
    /// A device that is not there, or a route that cannot be added, is logged, and the line stays closed.
    /// Errors: unsupported, io.
    Result<> bring_up(std::vector<Fd> groups);
    /// After any event of links, addresses, rules or routes: brings everything up to date. Does nothing where all
    /// stands. Returns the lines whose LineInfo changed, and those that may lead elsewhere now.
    std::vector<std::uint32_t> follow(const Rerouted& rerouted = {});
    /// As of LineNamespaces.
    std::vector<Network*> networks() const { return namespaces_.networks(); }
    std::vector<LineNamespace> take_left() { return namespaces_.take_left(); }
    Result<NamespaceVisit> enter(std::size_t index) const { return namespaces_.enter(lines_[index]); }

    /// From now on these are no targets either, whatever policy.toml says; instead of those denied before.
    /// Errors: unsupported; then the lines that are left keep what they had.
    Result<> deny(std::vector<IpAddress> addresses);
    /// policy.toml with what deny() took away.
    Policy policy() const;
    /// What the line may send from now on. Errors: unsupported; what held before still holds.
    Result<> allow(std::size_t index, Allowance allowance);

    std::size_t size() const { return lines_.size(); }
    const Line& operator[](std::size_t index) const { return lines_[index]; }
    std::optional<std::size_t> find(const std::string& name) const;
    /// Is this some line's table?
    bool has_table(std::uint32_t table) const;
    LineInfo info(std::size_t index) const;
    /// As of RouteGet. Errors: io. No route is an answer with `error` set.
    Result<Route> route_get(std::size_t index, const IpAddress& destination, std::uint8_t protocol = 0,
                            std::uint16_t port = 0);

  private:
    LineSeen look_at(const Line& line) const;
    Sender worker_of(const Line& line) const;
    Result<RouteAnswer> ask_kernel(std::size_t index, const IpAddress& destination, std::uint8_t protocol,
                                   std::uint16_t port) const;
    SteerBy steered_by() const;
    Result<> hold(std::size_t index);
    void make_devices();
    std::vector<Error> route();
    void say_anew(std::vector<std::string> messages, std::vector<std::string>& said_before);
    void report_missing();

    std::vector<Line> lines_;
    const Policy& policy_;
    LineGuard& guard_;
    spdlog::logger& log_;
    std::vector<Allowance> allowances_;  // in the lines' order, as the next
    std::vector<Lacking> lacking_;
    std::vector<IpAddress> denied_;
    std::vector<Fd> groups_;
    Privileges privileges_;
    LineNamespaces namespaces_;
    MadeOn made_on_;
    // Our devices that have been up, by index, and when each may be raised again: who keeps putting it down wins.
    std::map<std::uint32_t, std::chrono::steady_clock::time_point> stood_;
    std::vector<std::string> refused_, refused_devices_, reported_;  // what was said last
    bool up_ = false;
};

}  // namespace edge::launcher
