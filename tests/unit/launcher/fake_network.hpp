// A network in memory: devices that tests plug in and out, rules and routes as the kernel would keep them.
#pragma once
#include <algorithm>
#include <cerrno>
#include <utility>

#include "agent/launcher/lines/network.hpp"
#include "agent/launcher/os/network_namespace.hpp"

namespace edge::launcher::test {

class FakeNetwork final : public Network {
  public:
    void add_device(const std::string& name, Device device) { devices_[name] = std::move(device); }
    /// As the kernel does: the device's routes go with it.
    void remove_device(const std::string& name) {
        const auto index = devices_.at(name).index;
        std::erase_if(routing_.routes, [&](const TableRoute& route) { return route.device == index; });
        devices_.erase(name);
    }

    /// As a link that goes down and up, or an administrator: nothing of ours is left, the devices are as before.
    void forget_routes() { routing_.routes.clear(); }
    void forget_rules() { routing_.rules.clear(); }
    /// As a host without IPv6.
    void refuse_v6() { v6_ = false; }
    /// The next device that is made fails half-way, and stays down.
    void fail_half_way() { half_way_ = true; }
    /// As `ip link set NAME down`; with `for_good` the kernel refuses to put it up again.
    void put_down(const std::string& name, bool for_good = false) {
        devices_.at(name).up = devices_.at(name).carrier = false;
        stays_down_ = for_good;
    }
    int rounds_of_changes() const { return rounds_; }

    /// The next look at the devices fails.
    void fail_to_look() { blind_ = true; }
    Result<Devices> devices() override {
        if (std::exchange(blind_, false)) return os_error(ENOBUFS, "netlink");
        return devices_;
    }
    Result<Routing> owned() override { return routing_; }
    Result<std::vector<Rule>> rules() override { return routing_.rules; }
    Result<std::vector<TableRoute>> table(std::uint32_t table) override {
        std::vector<TableRoute> found;
        for (const auto& route : routing_.routes)
            if (route.table == table) found.push_back(route);
        return found;
    }

    std::vector<Error> apply(const RoutingChanges& changes) override {
        std::vector<Error> failures;
        if (!changes.empty()) ++rounds_;
        for (const auto& route : changes.add_routes) {
            const bool there = std::any_of(devices_.begin(), devices_.end(),
                                           [&](const auto& d) { return d.second.index == route.device; });
            if (!there) {
                failures.push_back(os_error(ENODEV, text_of(route)));
                continue;
            }
            std::erase_if(routing_.routes,
                          [&](const TableRoute& old) { return old.table == route.table && old.to == route.to; });
            routing_.routes.push_back(route);
        }
        for (const auto& rule : changes.add_rules) {
            if (rule.v6 && !v6_) {
                failures.push_back(os_error(EAFNOSUPPORT, text_of(rule)));
                continue;
            }
            std::erase(routing_.rules, rule);
            routing_.rules.push_back(rule);
        }
        for (const auto& rule : changes.remove_rules) std::erase(routing_.rules, rule);
        for (const auto& route : changes.remove_routes) std::erase(routing_.routes, route);
        return failures;
    }

    /// As the kernel: a device needs its parent, and goes with it.
    std::vector<Error> apply(const DeviceChanges& changes) override {
        std::vector<Error> failures;
        const auto at = [&](std::uint32_t index) {
            return std::find_if(devices_.begin(), devices_.end(),
                                [&](const auto& one) { return one.second.index == index; });
        };
        for (const auto index : changes.remove)
            if (const auto gone = at(index); gone != devices_.end()) remove_device(std::string(gone->first));
        for (const auto& [name, index] : changes.raise) {
            if (const auto down = at(index); stays_down_ && down != devices_.end())
                failures.push_back(os_error(EADDRINUSE, "device " + name));
            else if (down != devices_.end())
                down->second.up = down->second.carrier = true;
        }
        for (const auto& make : changes.make) {
            if (at(make.parent) == devices_.end())
                failures.push_back(os_error(ENODEV, "device " + make.name));
            else if (devices_.contains(make.name))
                failures.push_back(os_error(EEXIST, "device " + make.name));
            else
                devices_[make.name] = Device{++last_index_, !half_way_, !half_way_, {}, true};
            if (std::exchange(half_way_, false)) failures.push_back(os_error(EACCES, "accept_ra"));
        }
        for (const auto& one : changes.assign) {
            const auto device = at(one.device);
            if (device == devices_.end())
                failures.push_back(os_error(ENODEV, "address " + one.address.address.text()));
            else
                device->second.addresses.push_back(one.address);
        }
        return failures;
    }

    Result<RouteAnswer> route_get(const IpAddress& to, const Sender& sender) override {
        RouteAnswer answer;
        std::vector<Rule> rules = routing_.rules;
        std::sort(rules.begin(), rules.end(), [](const Rule& a, const Rule& b) { return a.pref < b.pref; });
        for (const auto& rule : rules) {
            if (rule.v6 != to.v6 || !matches(rule, sender)) continue;
            if (rule.table == 0) break;
            const TableRoute* best = nullptr;
            for (const auto& route : routing_.routes)
                if (route.table == rule.table && (sender.uid || route.device == sender.device) &&
                    route.to.contains(to) && (best == nullptr || best->to.length < route.to.length))
                    best = &route;
            if (best == nullptr) continue;
            answer.device = best->device;
            answer.table = best->table;
            answer.gateway = best->gateway;
            answer.source = best->source;
            return answer;
        }
        answer.error = ENETUNREACH;
        return answer;
    }

    /// As `ip netns del`, of one that lines are in.
    void go_away() { there_ = false; }
    bool is_there() const override { return there_; }
    Result<NamespaceVisit> enter() const override { return NamespaceVisit(); }
    int events() const override { return -1; }
    bool drain(const std::function<void(const nlmsghdr*)>&) override { return true; }

  private:
    static bool matches(const Rule& rule, const Sender& sender) {
        if (rule.from) return false;
        if (rule.uids) return sender.uid && rule.uids->first <= *sender.uid && *sender.uid <= rule.uids->last;
        return rule.mark == (sender.uid ? 0 : sender.mark);
    }

    Devices devices_;
    Routing routing_;
    bool v6_ = true, there_ = true, blind_ = false, half_way_ = false, stays_down_ = false;
    std::uint32_t last_index_ = 1000;
    int rounds_ = 0;
};

}  // namespace edge::launcher::test
