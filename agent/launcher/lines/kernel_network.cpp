#include <linux/fib_rules.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "agent/launcher/lines/made_devices.hpp"
#include "agent/launcher/lines/netlink_messages.hpp"
#include "agent/launcher/os/fd.hpp"
#include "agent/launcher/os/lock_file.hpp"
#include "agent/launcher/os/netlink.hpp"
#include "agent/launcher/os/network_namespace.hpp"
#include "agent/launcher/sabotage.hpp"

namespace edge::launcher {
namespace {

std::uint8_t family_of(bool v6) {
    return v6 ? AF_INET6 : AF_INET;
}

void put_address(NetlinkRequest& request, std::uint16_t attribute, const IpAddress& address) {
    request.put_bytes(attribute, address.bytes.data(), size_of(address.v6));
}

/// Of a ping the kernel keeps type and code where other flows have their ports (struct flowi_uli), and rules that ask
/// for a port find them there.
void put_flow(NetlinkRequest& request, const Sender& sender) {
    std::uint16_t port = sender.port;
    if (sender.protocol == IPPROTO_ICMP) port = ICMP_ECHO << 8;
    if (sender.protocol == IPPROTO_ICMPV6) port = ICMP6_ECHO_REQUEST << 8;
    const std::uint16_t in_network_order = htons(port);
    request.put_u8(RTA_IP_PROTO, sender.protocol);
    request.put_bytes(RTA_DPORT, &in_network_order, sizeof in_network_order);
}

NetlinkRequest rule_request(std::uint16_t type, std::uint16_t flags, const Rule& rule) {
    NetlinkRequest request(type, flags);
    auto& header = request.extra<fib_rule_hdr>();
    header.family = family_of(rule.v6);
    header.action = rule.table != 0 ? FR_ACT_TO_TBL : FR_ACT_UNREACHABLE;
    header.src_len = static_cast<std::uint8_t>(rule.from ? 8 * size_of(rule.v6) : 0);
    request.put_u32(FRA_PRIORITY, rule.pref);
    request.put_u8(FRA_PROTOCOL, kRoutingProtocol);
    if (rule.from) put_address(request, FRA_SRC, *rule.from);
    if (rule.mark != 0) {
        request.put_u32(FRA_FWMARK, rule.mark);
        request.put_u32(FRA_FWMASK, 0xffffffff);
    }
    if (rule.table != 0) request.put_u32(FRA_TABLE, rule.table);
    if (rule.uids) {
        const fib_rule_uid_range range{rule.uids->first, rule.uids->last};
        request.put_bytes(FRA_UID_RANGE, &range, sizeof range);
    }
    return request;
}

enum class OnLink { said, found };  // is the gateway on the device because we say so, or by the table's own routes?

NetlinkRequest route_request(std::uint16_t type, std::uint16_t flags, const TableRoute& route,
                             OnLink on_link = OnLink::said) {
    NetlinkRequest request(type, flags);
    auto& header = request.extra<rtmsg>();
    header.rtm_family = family_of(route.to.address.v6);
    header.rtm_dst_len = route.to.length;
    header.rtm_table = RT_TABLE_UNSPEC;  // RTA_TABLE says it in 32 bits
    header.rtm_protocol = kRoutingProtocol;
    header.rtm_scope = route.gateway ? RT_SCOPE_UNIVERSE : RT_SCOPE_LINK;
    header.rtm_type = RTN_UNICAST;
    // The line's own file says that the gateway is on this device; the main table need not know its network.
    if (route.gateway && on_link == OnLink::said) header.rtm_flags = RTNH_F_ONLINK;
    request.put_u32(RTA_TABLE, route.table);
    if (route.to.length != 0) put_address(request, RTA_DST, route.to.address);
    if (route.gateway) put_address(request, RTA_GATEWAY, *route.gateway);
    request.put_u32(RTA_OIF, route.device);
    if (route.source) put_address(request, RTA_PREFSRC, *route.source);
    return request;
}

class KernelNetwork final : public Network {
  public:
    KernelNetwork(std::string path, Netlink events, Netlink netlink, Fd space, std::optional<LockFile> lock)
        : path_(std::move(path)),
          events_(std::move(events)),
          netlink_(std::move(netlink)),
          space_(std::move(space)),
          lock_(std::move(lock)) {}

    Result<Devices> devices() override {
        std::map<std::uint32_t, std::pair<std::string, Device>> by_index;
        NetlinkRequest links(RTM_GETLINK, NLM_F_DUMP);
        links.extra<ifinfomsg>();
        EDGE_TRY(netlink_.ask(
            links, [&] { by_index.clear(); },
            [&](const nlmsghdr* message) {
                if (auto named = device_in(message))
                    by_index[named->device.index] = {std::move(named->name), named->device};
            }));
        NetlinkRequest addresses(RTM_GETADDR, NLM_F_DUMP);
        addresses.extra<ifaddrmsg>();
        const auto forget = [&] {
            for (auto& [index, entry] : by_index) entry.second.addresses.clear();
        };
        EDGE_TRY(netlink_.ask(addresses, forget, [&](const nlmsghdr* message) {
            const auto found = usable_address_in(message);
            const auto at = found ? by_index.find(found->device) : by_index.end();
            if (at != by_index.end()) at->second.second.addresses.push_back(found->assigned);
        }));
        Devices devices;
        for (auto& [index, entry] : by_index) devices.insert(std::move(entry));
        return devices;
    }

    Result<Routing> owned() override {
        Routing owned;
        EDGE_TRY(owned.rules, rules_by(owned_rule_in));
        EDGE_TRY(owned.routes, both_families(kRoutingProtocol, 0));
        return owned;
    }

    Result<std::vector<Rule>> rules() override { return rules_by(plain_rule_in); }

    Result<std::vector<TableRoute>> table(std::uint32_t table) override { return both_families(0, table); }

    std::vector<Error> apply(const RoutingChanges& changes) override {
        std::vector<Error> failures;
        for (const auto& route : changes.add_routes) add(route, failures);
        for (const auto& rule : changes.add_rules) {
            if (rule.table == 0 && EDGE_IS_OFF(unreachable)) continue;
            change(rule_request(RTM_NEWRULE, NLM_F_CREATE | NLM_F_EXCL, rule), EEXIST, text_of(rule), failures);
        }
        for (const auto& rule : changes.remove_rules)
            change(rule_request(RTM_DELRULE, 0, rule), ENOENT, text_of(rule), failures);
        for (const auto& route : changes.remove_routes)
            change(route_request(RTM_DELROUTE, 0, route), ESRCH, text_of(route), failures);
        return failures;
    }

    std::vector<Error> apply(const DeviceChanges& changes) override {
        std::vector<Error> failures;
        const auto keep = [&](const std::string& what, const Result<>& done, int harmless) {
            if (done || done.error().os_errno == harmless) return;
            failures.push_back(done.error().where == "netlink" ? os_error(done.error().os_errno, what) : done.error());
        };
        for (const auto index : changes.remove)
            keep("device #" + std::to_string(index), remove_device(netlink_, index), ENODEV);
        for (const auto& [name, index] : changes.raise) keep("device " + name, raise_device(netlink_, index), ENODEV);
        for (const auto& device : changes.make) keep("device " + device.name, make_macvlan(netlink_, device), 0);
        for (const auto& one : changes.assign)
            keep("address " + one.address.address.text() + " dev #" + std::to_string(one.device),
                 assign_address(netlink_, one), EEXIST);
        return failures;
    }

    Result<RouteAnswer> route_get(const IpAddress& to, const Sender& sender) override {
        NetlinkRequest request(RTM_GETROUTE, 0);
        auto& header = request.extra<rtmsg>();
        header.rtm_family = family_of(to.v6);
        header.rtm_dst_len = static_cast<std::uint8_t>(8 * size_of(to.v6));
        if (!to.v6) header.rtm_flags = RTM_F_LOOKUP_TABLE;  // IPv6 tells the table anyway, and refuses the flag
        put_address(request, RTA_DST, to);
        if (sender.source && sender.source->v6 == to.v6) {
            header.rtm_src_len = header.rtm_dst_len;
            put_address(request, RTA_SRC, *sender.source);
        }
        if (sender.uid) {
            request.put_u32(RTA_UID, *sender.uid);
        } else {
            request.put_u32(RTA_OIF, sender.device);
            request.put_u32(RTA_MARK, sender.mark);
        }
        if (sender.protocol != 0) put_flow(request, sender);
        RouteAnswer answer;
        const auto asked = netlink_.ask(
            request, [] {}, [&](const nlmsghdr* message) { answer = route_answer_in(message).value_or(answer); });
        if (!asked) {
            if (asked.error().code != Errc::io || asked.error().os_errno == 0) return asked.error();
            return RouteAnswer{.error = asked.error().os_errno};
        }
        // IPv4 with a device but no route: the kernel takes the target to be on the link (ip_route_output_key_hash_rcu)
        // and asks for it by ARP there. No table stands behind that, so for us it is no route.
        if (answer.table == 0) return RouteAnswer{.error = ENETUNREACH};
        return answer;
    }

    bool is_there() const override {
        if (path_.empty()) return true;
        const auto now = open_namespace(path_);
        return now && is_same_namespace(now.value(), space_);
    }
    Result<NamespaceVisit> enter() const override {
        if (path_.empty()) return NamespaceVisit();
        return NamespaceVisit::enter(space_);
    }
    int events() const override { return events_.fd(); }
    bool drain(const std::function<void(const nlmsghdr*)>& see) override { return events_.drain(see); }

  private:
    Result<std::vector<Rule>> rules_by(std::optional<Rule> (*reader)(const nlmsghdr*)) {
        std::vector<Rule> found;
        NetlinkRequest request(RTM_GETRULE, NLM_F_DUMP);
        request.extra<fib_rule_hdr>();  // family 0: both
        EDGE_TRY(netlink_.ask(
            request, [&] { found.clear(); },
            [&](const nlmsghdr* message) {
                if (const auto rule = reader(message)) found.push_back(*rule);
            }));
        return found;
    }

    /// By protocol or by table, 0 being any; checked again here, because kernels before 4.20 do not filter.
    Result<std::vector<TableRoute>> routes(bool v6, std::uint8_t protocol, std::uint32_t table) {
        std::vector<TableRoute> found;
        NetlinkRequest request(RTM_GETROUTE, NLM_F_DUMP);
        auto& header = request.extra<rtmsg>();
        header.rtm_family = family_of(v6);
        header.rtm_protocol = protocol;
        if (table != 0) request.put_u32(RTA_TABLE, table);
        const auto asked = netlink_.ask(
            request, [&] { found.clear(); },
            [&](const nlmsghdr* message) {
                const auto one = route_in(message);
                if (one && (protocol == 0 || one->protocol == protocol) && (table == 0 || one->route.table == table))
                    found.push_back(one->route);
            });
        if (!asked && asked.error().os_errno != ENOENT) return asked.error();  // ENOENT: no such table yet
        return found;
    }

    Result<std::vector<TableRoute>> both_families(std::uint8_t protocol, std::uint32_t table) {
        EDGE_TRY(auto all, routes(false, protocol, table));
        EDGE_TRY(const auto six, routes(true, protocol, table));
        all.insert(all.end(), six.begin(), six.end());
        return all;
    }

    /// IPv6 refuses an on-link gateway that the main table knows on another device, such as a macvlan's parent
    /// (ip6_route_check_nh_onlink); then its network in the line's own table has to do.
    void add(const TableRoute& route, std::vector<Error>& failures) {
        constexpr std::uint16_t kFlags = NLM_F_CREATE | NLM_F_REPLACE;
        auto by_table = route_request(RTM_NEWROUTE, kFlags, route, OnLink::found);
        std::vector<Error> refused;
        change(route_request(RTM_NEWROUTE, kFlags, route), EEXIST, text_of(route), refused);
        if (refused.empty() || (refused[0].os_errno == EINVAL && route.gateway && netlink_.change(by_table))) return;
        failures.push_back(refused[0]);
    }

    void change(NetlinkRequest request, int harmless, const std::string& what, std::vector<Error>& failures) {
        const auto done = netlink_.change(request);
        if (!done && done.error().os_errno != harmless) failures.push_back(os_error(done.error().os_errno, what));
    }

    std::string path_;  // empty: where the process is
    Netlink events_, netlink_;
    Fd space_;
    std::optional<LockFile> lock_;  // none: it only looks
};

/// Rules and routes are known by our protocol number alone, so two launchers in one network namespace would remove each
/// other's. The lock is named after the namespace.
Result<LockFile> lock_namespace(const Fd& space, const std::string& path) {
    struct stat status {};
    if (::fstat(space.get(), &status) != 0) return os_error(errno, path);
    auto lock = LockFile::take("netns-" + std::to_string(status.st_ino), path);
    if (lock || (lock.error().code != Errc::unavailable && lock.error().code != Errc::conflict)) return lock;
    if (lock.error().code == Errc::conflict)
        return Error{Errc::bad_value, path,
                     "is the network namespace of another line under another name; name it alike", 0};
    return Error{Errc::unavailable, "network",
                 "another edge-launcher runs in this network namespace; stop it, or give this one its own", 0};
}

Result<std::unique_ptr<Network>> listen_to_kernel(const std::string& path, Fd space, std::optional<LockFile> lock) {
    EDGE_TRY(auto events,
             Netlink::subscribe({RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR, RTNLGRP_IPV4_ROUTE,
                                 RTNLGRP_IPV6_ROUTE, RTNLGRP_IPV4_RULE, RTNLGRP_IPV6_RULE}));
    EDGE_TRY(auto netlink, Netlink::open());
    return std::unique_ptr<Network>(std::make_unique<KernelNetwork>(path, std::move(events), std::move(netlink),
                                                                    std::move(space), std::move(lock)));
}

}  // namespace

Result<std::unique_ptr<Network>> look_at_kernel_network() {
    EDGE_TRY(auto space, open_namespace("/proc/self/ns/net"));
    return listen_to_kernel({}, std::move(space), std::nullopt);
}

Result<std::unique_ptr<Network>> open_kernel_network(const std::string& path) {
    EDGE_TRY(auto space, open_namespace("/proc/self/ns/net"));
    NamespaceVisit visit;  // a socket is of the namespace that it was made in
    if (!path.empty()) {
        EDGE_TRY(auto other, open_namespace(path));
        if (is_same_namespace(space, other))
            return Error{Errc::bad_value, path, "is the launcher's own network namespace; take kind = \"device\"", 0};
        space = std::move(other);
        EDGE_TRY(visit, NamespaceVisit::enter(space));
    }
    EDGE_TRY(auto lock, lock_namespace(space, path));
    return listen_to_kernel(path, std::move(space), std::move(lock));
}

}  // namespace edge::launcher
