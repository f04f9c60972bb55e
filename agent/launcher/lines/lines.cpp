#include "agent/launcher/lines/lines.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <utility>

#include "agent/launcher/lines/line_info.hpp"
#include "protocol/anywhere.hpp"

namespace edge::launcher {
namespace {

constexpr std::chrono::minutes kRaisedAgain{1};

std::vector<std::string> refusals(const std::vector<Error>& errors) {
    std::vector<std::string> messages;
    for (const auto& error : errors) messages.push_back("network_refused what=\"" + error.message() + "\"");
    return messages;
}

}  // namespace

Lines::Lines(std::vector<Line> lines, const Policy& policy, Network& network, LineGuard& guard, spdlog::logger& log,
             OpenNetwork open, Privileges privileges)
    : lines_(std::move(lines)),
      policy_(policy),
      guard_(guard),
      log_(log),
      allowances_(lines_.size(), Allowance::all),
      lacking_(lines_.size()),
      privileges_(privileges),
      namespaces_(lines_, network, std::move(open), log) {}

Lines::~Lines() {
    if (!up_) return;
    for (auto* network : networks())
        if (const auto removed = remove_ours(*network, log_); !removed)
            log_.error("routing_left_behind why=\"{}\" todo=\"edge-launcher --cleanup\"", removed.error().message());
}

Result<> Lines::bring_up(std::vector<Fd> groups) {
    groups_ = std::move(groups);
    EDGE_TRY(namespaces_.look());
    up_ = privileges_ == Privileges::root;  // from here on there is something to remove
    make_devices();
    for (std::size_t i = 0; i < lines_.size(); ++i) {
        EDGE_TRY(hold(i));
        if (namespaces_.device_of(lines_[i]) == nullptr)
            log_.warn("line_down line={} device={} why=\"no such device\"", lines_[i].name, lines_[i].device);
    }
    for (const auto& failure : route()) {
        // A host without IPv6 has no IPv6 to close either.
        const bool no_family = failure.os_errno == EAFNOSUPPORT || failure.os_errno == EOPNOTSUPP;
        if (!no_family && failure.where.find("table") == std::string::npos)
            return failure;  // a rule: not a line without it
    }
    report_missing();
    return ok();
}

std::vector<std::uint32_t> Lines::follow(const Rerouted& rerouted) {
    std::vector<LineInfo> before;
    for (std::size_t i = 0; i < lines_.size(); ++i) before.push_back(info(i));
    // What was seen all the same is told now: by the next look it would be no news.
    if (const auto looked = namespaces_.look(); !looked)
        log_.error("devices_unknown why=\"{}\"", looked.error().message());
    make_devices();
    for (std::size_t i = 0; i < lines_.size(); ++i) {
        // Also where the line is as it was: the host's own addresses are no targets, and may be others now.
        // If this fails the old binding stands: to a device that is gone, so nothing leaves by another.
        const auto held = hold(i);
        if (!held) log_.error("guard_failed line={} why=\"{}\"", lines_[i].name, held.error().message());
    }
    // Even if every device is as it was: a link that went down and up between two looks has lost its routes, and
    // anybody may delete a rule. What stands already is no change, so the events of our own changes end here.
    route();
    report_missing();
    std::vector<std::uint32_t> changed;
    for (std::size_t i = 0; i < lines_.size(); ++i) {
        const LineInfo &was = before[i], is = info(i);
        const bool may_lead_elsewhere = rerouted.rules || rerouted.tables.contains(is.table);
        if (was.ifindex == is.ifindex && was.link_up == is.link_up && was.absent == is.absent &&
            was.lacking == is.lacking && was.closed == is.closed && !may_lead_elsewhere)
            continue;
        changed.push_back(static_cast<std::uint32_t>(i));
        log_.info("line_changed line={} device={} ifindex={} link_up={} absent={:#x} rerouted={}", lines_[i].name,
                  lines_[i].device, is.ifindex, is.link_up, is.absent, may_lead_elsewhere);
    }
    return changed;
}

/// Devices first, and what they are called by the kernel; then their addresses.
void Lines::make_devices() {
    if (privileges_ == Privileges::none) return;
    std::vector<Error> failures;
    auto& own = namespaces_.own();
    for (int round = 0; round < 2; ++round) {
        for (const auto& [name, device] : own.devices)
            if (device.made && device.up) stood_.try_emplace(device.index);
        const auto now = std::chrono::steady_clock::now();
        std::set<std::uint32_t> raisable;
        for (const auto& [index, again] : stood_)
            if (again <= now) raisable.insert(index);
        const auto changes = device_changes(lines_, own.devices, made_on_, raisable);
        if (changes.empty()) break;
        failures = own.network->apply(changes);
        for (const auto& device : changes.make) made_on_[device.name] = device.parent;
        log_.debug("devices_changed removed={} made={} addresses={}", changes.remove.size(), changes.make.size(),
                   changes.assign.size());
        if (auto devices = own.network->devices()) own.devices = std::move(devices.value());
        for (const auto& [name, index] : changes.raise) {
            const auto found = own.devices.find(name);
            if (found == own.devices.end() || !found->second.up) continue;
            stood_[index] = now + kRaisedAgain;
            log_.warn("device_raised device={} why=\"it was put down\"", name);
        }
        if (!failures.empty()) break;
    }
    say_anew(refusals(failures), refused_devices_);
}

/// Once, and again only when it is something else.
void Lines::say_anew(std::vector<std::string> messages, std::vector<std::string>& said_before) {
    if (messages != said_before)
        for (const auto& message : messages) log_.warn("{}", message);
    said_before = std::move(messages);
}

/// Only BPF binds a socket, and marks its packets before their way is chosen.
SteerBy Lines::steered_by() const {
    return guard_.enforcement() == Enforcement::bpf_guard ? SteerBy::mark : SteerBy::uid;
}

Policy Lines::policy() const {
    Policy narrowed = policy_;
    for (const auto& address : denied_)
        narrowed.targets.deny.push_back({address, static_cast<std::uint8_t>(address.v6 ? 128 : 32)});
    return narrowed;
}

Result<> Lines::deny(std::vector<IpAddress> addresses) {
    denied_ = std::move(addresses);
    for (std::size_t i = 0; i < lines_.size(); ++i) {
        EDGE_TRY(hold(i));
    }
    return ok();
}

Result<> Lines::allow(std::size_t index, Allowance allowance) {
    allowances_[index] = allowance;
    return hold(index);
}

Result<> Lines::hold(std::size_t index) {
    const Line& line = lines_[index];
    const auto* device = namespaces_.device_of(line);
    std::vector<IpAddress> own;
    for (const auto& space : namespaces_.all())
        for (const auto& [name, any] : space.devices)
            for (const auto& has : any.addresses) own.push_back(has.address);
    const auto allowance = allowances_[index];
    const Binding binding{.device = device != nullptr && allowance != Allowance::none ? device->index : 0,
                          .mark = line.mark,
                          .addresses = {line.addresses.begin(), line.addresses.end()},
                          .ports = policy_.targets.ports,
                          .budget = {allowed_rate(allowance, policy_.line.bytes_per_s, policy_.line.p95_bytes_per_s),
                                     policy_.line.packets_per_s},
                          .uids = line.uids};
    return guard_.hold(line.name, groups_[index].get(), binding, target_table(policy().targets, line.resolvers, own));
}

/// Makes the kernel's rules and routes what the lines want, by the difference. What is refused is returned, and said.
std::vector<Error> Lines::route() {
    std::vector<Error> failures;
    if (privileges_ == Privileges::none) return failures;
    for (const auto& space : namespaces_.all()) {
        if (space.network == nullptr) continue;
        const auto owned = space.network->owned();
        if (!owned) {
            failures.push_back(owned.error());
            continue;
        }
        const auto changes = routing_changes(owned.value(), wanted_routing(space.lines, space.devices, steered_by()));
        if (!changes.empty())
            log_.debug("routing_changed rules_added={} routes_added={} rules_removed={} routes_removed={}",
                       changes.add_rules.size(), changes.add_routes.size(), changes.remove_rules.size(),
                       changes.remove_routes.size());
        const auto refused = space.network->apply(changes);
        failures.insert(failures.end(), refused.begin(), refused.end());
    }
    say_anew(refusals(failures), refused_);
    return failures;
}

/// What the operator has to do.
void Lines::report_missing() {
    std::vector<LineSeen> seen;
    for (std::size_t i = 0; i < lines_.size(); ++i) lacking_[i] = lacking(seen.emplace_back(look_at(lines_[i])));
    std::vector<std::string> messages;
    for (const auto& [line, todo] : missing(seen))
        messages.push_back("line_incomplete line=" + line + " todo=\"" + todo + "\"");
    say_anew(std::move(messages), reported_);
}

LineSeen Lines::look_at(const Line& line) const {
    const auto& space = namespaces_.of(line);
    LineSeen seen{line, space.devices};
    if (line.routes != Routes::external || space.network == nullptr) return seen;
    Network& network = *space.network;
    const auto routes = network.table(line.table);
    seen.routes = routes ? routes.value() : std::vector<TableRoute>();
    static const IpAddress kTo[] = {IpAddress::parse(kAnywhere4).value(), IpAddress::parse(kAnywhere6).value()};
    const auto table_of = [&](bool v6, const Sender& sender) {
        const auto answer = network.route_get(kTo[v6], sender);
        return answer && answer.value().error == 0 ? answer.value().table : 0;
    };
    if (namespaces_.device_of(line) != nullptr)
        for (const bool v6 : {false, true})
            if (line.has_family(v6)) seen.taken.by_device[v6] = table_of(v6, worker_of(line));
    if (privileges_ == Privileges::root) return seen;  // rules are ours
    const auto rules = network.rules();
    seen.rules = rules ? rules.value() : std::vector<Rule>();
    for (std::size_t i = 0; i < line.addresses.size(); ++i)
        seen.taken.by_address[i] = table_of(line.addresses[i].v6, {.source = line.addresses[i]});
    return seen;
}

bool Lines::has_table(std::uint32_t table) const {
    return std::any_of(lines_.begin(), lines_.end(), [table](const Line& line) { return line.table == table; });
}

std::optional<std::size_t> Lines::find(const std::string& name) const {
    for (std::size_t i = 0; i < lines_.size(); ++i)
        if (lines_[i].name == name) return i;
    return std::nullopt;
}

LineInfo Lines::info(std::size_t index) const {
    const Line& line = lines_[index];
    LineInfo info = line_info(line, namespaces_.device_of(line));
    info.count = static_cast<std::uint32_t>(lines_.size());
    info.index = static_cast<std::uint32_t>(index);
    if (privileges_ == Privileges::none) info.mark = 0;  // to mark takes CAP_NET_ADMIN (socket(7))
    info.lacking = lacking_[index];
    info.enforced_by = guard_.enforcement();
    info.closed = namespaces_.of(line).network == nullptr ? Closed::no_namespace
                  : allowances_[index] == Allowance::none ? Closed::day_spent
                                                          : Closed::no;
    return info;
}

Result<Route> Lines::route_get(std::size_t index, const IpAddress& destination, std::uint8_t protocol,
                               std::uint16_t port) {
    const LineInfo line = info(index);
    Route route;
    route.mark = line.mark;
    route.link_up = line.link_up;
    route.error = line.ifindex == 0 ? ENODEV : 0;
    if (route.error != 0) return route;
    EDGE_TRY(const auto answer, ask_kernel(index, destination, protocol, port));
    add_answer(answer, namespaces_.of(lines_[index]).devices, route);
    return route;
}

/// As a socket of the line's workers sends; its device is there.
Sender Lines::worker_of(const Line& line) const {
    Sender sender{.device = namespaces_.device_of(line)->index};
    if (privileges_ == Privileges::none) return sender;
    sender.mark = line.mark;
    if (steered_by() == SteerBy::uid) sender.uid = line.uids.first;
    return sender;
}

/// Of a line whose device is there.
Result<RouteAnswer> Lines::ask_kernel(std::size_t index, const IpAddress& destination, std::uint8_t protocol,
                                      std::uint16_t port) const {
    const Line& line = lines_[index];
    const bool bound = privileges_ == Privileges::none;
    Sender sender = worker_of(line);
    sender.protocol = protocol;
    sender.port = port;
    Network& network = *namespaces_.of(line).network;
    EDGE_TRY(auto answer, network.route_get(destination, sender));
    // A socket that only its device binds has no address at first. When it connects it is looked up again with the one
    // it got (ip_route_connect), and both have to be the line's way: of two that differ the other one is the answer.
    if (bound && answer.error == 0 && answer.table == line.table && answer.source) {
        sender.source = answer.source;
        EDGE_TRY(answer, network.route_get(destination, sender));
        answer.source = sender.source;
    }
    return answer;
}

}  // namespace edge::launcher
