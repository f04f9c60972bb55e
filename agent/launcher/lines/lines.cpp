#include "agent/launcher/lines/lines.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "agent/launcher/packets.hpp"
#include "protocol/launcher/netns_command.hpp"

namespace edge::launcher {
namespace {

Address wire(const std::optional<IpAddress>& address) {
    return address ? to_wire(*address) : Address{};
}

template <std::size_t Size>
void copy_text(char (&out)[Size], const std::string& text) {
    std::memcpy(out, text.data(), std::min(text.size(), Size - 1));
}

/// Bit i: the line's i-th address is not on the device.
std::uint32_t absent(const Line& line, const Device* device) {
    std::uint32_t bits = 0;
    for (std::size_t i = 0; i < line.addresses.size(); ++i) {
        const auto is_it = [&](const Device::Assigned& has) { return has.address == line.addresses[i]; };
        if (device == nullptr || std::none_of(device->addresses.begin(), device->addresses.end(), is_it))
            bits |= std::uint32_t{1} << i;
    }
    return bits;
}

}  // namespace

static_assert(static_cast<int>(LineKind::netns) == static_cast<int>(LineBy::netns), "told as they are numbered");

Lines::Lines(std::vector<Line> lines, const Policy& policy, Network& network, LineGuard& guard, spdlog::logger& log,
             OpenNetwork open, Privileges privileges)
    : lines_(std::move(lines)),
      policy_(policy),
      guard_(guard),
      log_(log),
      allowances_(lines_.size(), Allowance::all),
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

std::vector<std::uint32_t> Lines::follow() {
    std::vector<LineInfo> before;
    for (std::size_t i = 0; i < lines_.size(); ++i) before.push_back(info(i));
    // What was seen all the same is told now: by the next look it would be no news.
    if (const auto looked = namespaces_.look(); !looked)
        log_.error("devices_unknown why=\"{}\"", looked.error().message());
    make_devices();
    std::vector<std::uint32_t> changed;
    for (std::size_t i = 0; i < lines_.size(); ++i) {
        const Line& line = lines_[i];
        // Also where the line is as it was: the host's own addresses are no targets, and may be others now.
        // If this fails the old binding stands: to a device that is gone, so nothing leaves by another.
        const auto held = hold(i);
        if (!held) log_.error("guard_failed line={} why=\"{}\"", line.name, held.error().message());
        const LineInfo &was = before[i], is = info(i);
        if (was.ifindex == is.ifindex && was.link_up == is.link_up && was.absent == is.absent &&
            was.closed == is.closed)
            continue;
        changed.push_back(static_cast<std::uint32_t>(i));
        log_.info("line_changed line={} device={} ifindex={} link_up={} absent={:#x}", line.name, line.device,
                  is.ifindex, is.link_up, is.absent);
    }
    // Even if every device is as it was: a link that went down and up between two looks has lost its routes, and
    // anybody may delete a rule. What stands already is no change, so the events of our own changes end here.
    route();
    report_missing();
    return changed;
}

/// Devices first, and what they are called by the kernel; then their addresses.
void Lines::make_devices() {
    if (privileges_ == Privileges::none) return;
    std::vector<Error> failures;
    auto& own = namespaces_.own();
    for (int round = 0; round < 2; ++round) {
        const auto changes = device_changes(lines_, own.devices, made_on_);
        if (changes.empty()) break;
        failures = own.network->apply(changes);
        for (const auto& device : changes.make) made_on_[device.name] = device.parent;
        log_.debug("devices_changed removed={} made={} addresses={}", changes.remove.size(), changes.make.size(),
                   changes.assign.size());
        if (auto now = own.network->devices()) own.devices = std::move(now.value());
        if (!failures.empty()) break;
    }
    say_refused(failures, refused_devices_);
}

/// Once, and again only when it is something else.
void Lines::say_refused(const std::vector<Error>& failures, std::vector<std::string>& said_before) {
    std::vector<std::string> refused;
    for (const auto& failure : failures) refused.push_back(failure.message());
    if (refused != said_before)
        for (const auto& what : refused) log_.warn("network_refused what=\"{}\"", what);
    said_before = std::move(refused);
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

Budget Lines::budget(std::size_t index) const {
    Budget budget{policy_.line.bytes_per_s, policy_.line.packets_per_s};
    // A second's worth may leave at once, so a slot of 300 s held to 299/300 of the rate is never above the rate.
    const std::uint64_t p95 = std::max<std::uint64_t>(policy_.line.p95_bytes_per_s / 300 * 299, 1);
    if (allowances_[index] == Allowance::p95 && (budget.bytes_per_s == 0 || budget.bytes_per_s > p95))
        budget.bytes_per_s = p95;
    return budget;
}

Result<> Lines::hold(std::size_t index) {
    const Line& line = lines_[index];
    const auto* device = namespaces_.device_of(line);
    std::vector<IpAddress> own;
    for (const auto& space : namespaces_.all())
        for (const auto& [name, any] : space.devices)
            for (const auto& has : any.addresses) own.push_back(has.address);
    const bool closed = allowances_[index] == Allowance::none;
    const Binding binding{.device = device != nullptr && !closed ? device->index : 0,
                          .mark = line.mark,
                          .addresses = {line.addresses.begin(), line.addresses.end()},
                          .ports = policy_.targets.ports,
                          .budget = budget(index),
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
        const auto changes =
            routing_changes(owned.value(), wanted_routing(namespaces_.lines_in(space), space.devices, steered_by()));
        if (!changes.empty())
            log_.debug("routing_changed rules_added={} routes_added={} rules_removed={} routes_removed={}",
                       changes.add_rules.size(), changes.add_routes.size(), changes.remove_rules.size(),
                       changes.remove_routes.size());
        const auto refused = space.network->apply(changes);
        failures.insert(failures.end(), refused.begin(), refused.end());
    }
    say_refused(failures, refused_);
    return failures;
}

/// What the operator has to do; once, and again only when it is something else.
void Lines::report_missing() {
    std::vector<std::string> missing;
    for (const auto& line : lines_) {
        const auto& space = namespaces_.of(line);
        if (line.routes != Routes::external || space.network == nullptr) continue;
        const auto routes = space.network->table(line.table);
        for (const auto& command : missing_routes({line}, routes ? routes.value() : std::vector<TableRoute>()))
            missing.push_back(inside_netns(line.netns) + command);
        if (privileges_ == Privileges::root) continue;  // rules are ours
        const auto rules = space.network->rules();
        for (auto& command : missing_rules(line, rules ? rules.value() : std::vector<Rule>()))
            missing.push_back(std::move(command));
    }
    const auto& own = namespaces_.own().devices;
    for (const auto& line : lines_) {
        const auto* device = namespaces_.device_of(line);
        if (line.kind == LineKind::macvlan) {
            if (device == nullptr && own.contains(line.device))
                missing.push_back("give line " + line.name + " another device: " + line.device + " is somebody else's");
            // Half-made, or put down by somebody: one that is gone is made anew, with all that belongs to it.
            if (device != nullptr && !device->up) missing.push_back("ip link del " + line.device);
            if (!own.contains(line.parent)) missing.push_back("ip link show " + line.parent);
        }
        if (device == nullptr || line.kind == LineKind::macvlan) continue;  // its addresses are put back
        for (std::size_t i = 0; i < line.addresses.size(); ++i)
            if ((absent(line, device) >> i & 1) != 0)
                missing.push_back(inside_netns(line.netns) + "ip address add " + line.addresses[i].text() +
                                  "/PREFIX dev " + line.device);
    }
    if (missing != reported_)
        for (const auto& command : missing) log_.warn("line_incomplete todo=\"{}\"", command);
    reported_ = std::move(missing);
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
    const auto* device = namespaces_.device_of(line);
    LineInfo info;
    info.count = static_cast<std::uint32_t>(lines_.size());
    info.index = static_cast<std::uint32_t>(index);
    copy_text(info.name.text, line.name);
    copy_text(info.carrier, line.carrier);
    copy_text(info.ifname, line.device);
    info.ifindex = device != nullptr ? device->index : 0;
    info.kind = static_cast<LineBy>(line.kind);
    info.mark = privileges_ == Privileges::root ? line.mark : 0;  // to mark takes CAP_NET_ADMIN (socket(7))
    info.table = line.table;
    info.link_up = device != nullptr && device->up && device->carrier ? 1 : 0;
    info.enforced_by = guard_.enforcement();
    info.closed = namespaces_.of(line).network == nullptr ? Closed::no_namespace
                  : allowances_[index] == Allowance::none ? Closed::day_spent
                                                          : Closed::no;
    copy_text(info.place, line.kind == LineKind::macvlan ? line.parent : line.netns);
    for (std::size_t i = 0; i < line.addresses.size(); ++i) info.addresses[i] = wire(line.addresses[i]);
    info.absent = absent(line, device);
    for (std::size_t i = 0; i < line.resolvers.size(); ++i) info.resolvers[i] = wire(line.resolvers[i]);
    info.gateway4 = wire(line.gateway4);
    info.gateway6 = wire(line.gateway6);
    return info;
}

Result<Route> Lines::route_get(std::size_t index, const IpAddress& destination) {
    const LineInfo line = info(index);
    Route route;
    route.mark = line.mark;
    route.link_up = line.link_up;
    if (line.ifindex == 0) {
        route.error = ENODEV;
        return route;
    }
    Sender sender{.device = line.ifindex, .mark = line.mark};
    const bool bound = privileges_ == Privileges::none;
    if (!bound && steered_by() == SteerBy::uid) sender.uid = lines_[index].uids.first;
    const auto& space = namespaces_.of(lines_[index]);
    EDGE_TRY(auto answer, space.network->route_get(destination, sender));
    // A socket that only its device binds has no address at first. When it connects it is looked up again with the one
    // it got (ip_route_connect), and both have to be the line's way: of two that differ the other one is the answer.
    if (bound && answer.error == 0 && answer.table == lines_[index].table && answer.source) {
        sender.source = answer.source;
        EDGE_TRY(answer, space.network->route_get(destination, sender));
        answer.source = sender.source;
    }
    route.error = answer.error;
    if (answer.error != 0) return route;
    route.ifindex = answer.device;
    route.table = answer.table;
    route.gateway = wire(answer.gateway);
    route.source = wire(answer.source);
    for (const auto& [name, device] : space.devices)
        if (device.index == answer.device) copy_text(route.ifname, name);
    return route;
}

}  // namespace edge::launcher
