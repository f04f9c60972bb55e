// The kernel's devices, rules and routes, as the lines see them. An edge: tests put a fake in its place, and both pass
// tests/contract/launcher.
#pragma once
#include <linux/netlink.h>

#include <cstdint>
#include <functional>
#include <memory>

#include "agent/launcher/lines/device_plan.hpp"
#include "agent/launcher/lines/routing_plan.hpp"

namespace edge::launcher {

class NamespaceVisit;

/// How the kernel would send to a destination.
struct RouteAnswer {
    std::uint32_t device = 0;
    std::uint32_t table = 0;
    std::optional<IpAddress> gateway{};
    std::optional<IpAddress> source{};
    int error = 0;  // errno: no route
    friend bool operator==(const RouteAnswer&, const RouteAnswer&) = default;
};

/// Who asks for a route: a socket bound to a device and marked, or an unbound one of a user. With `source` it has an
/// address already. With a protocol it sends by that, TCP and UDP to a port.
struct Sender {
    std::uint32_t device = 0;
    std::uint32_t mark = 0;
    std::optional<std::uint32_t> uid{};
    std::optional<IpAddress> source{};
    std::uint8_t protocol = 0;
    std::uint16_t port = 0;
};

class Network {
  public:
    virtual ~Network() = default;
    /// Every device of this network namespace, by name.
    virtual Result<Devices> devices() = 0;
    /// The rules and routes that carry kRoutingProtocol.
    virtual Result<Routing> owned() = 0;
    /// Every rule, whoever wrote it, that asks for no more than a Rule can say.
    virtual Result<std::vector<Rule>> rules() = 0;
    /// Every route of one table, whoever wrote it.
    virtual Result<std::vector<TableRoute>> table(std::uint32_t table) = 0;
    /// Carries the changes out in their order. What is there already, or gone already, is no error. Goes on after a
    /// failure, so that one line's trouble is not another's; returns all failures.
    virtual std::vector<Error> apply(const RoutingChanges& changes) = 0;
    virtual std::vector<Error> apply(const DeviceChanges& changes) = 0;
    virtual Result<RouteAnswer> route_get(const IpAddress& to, const Sender& sender) = 0;

    /// Is this still the namespace that its path says?
    virtual bool is_there() const = 0;
    /// What is started while the visit lives is in this namespace. Errors: io.
    virtual Result<NamespaceVisit> enter() const = 0;
    /// Readable when links, addresses, routes or rules changed, since it was opened; -1: nothing will.
    virtual int events() const = 0;
    /// Reads the events away, each seen by `see`. False: some were lost.
    virtual bool drain(const std::function<void(const nlmsghdr*)>& see) = 0;
};

/// Over rtnetlink, in the network namespace that is bound to `path`, or the one that the process is in.
/// Errors: io, unavailable (another launcher is there), not_found and bad_value (of the path).
Result<std::unique_ptr<Network>> open_kernel_network(const std::string& path = {});
/// The one that the process is in, for who changes nothing there: beside any launcher that does. Errors: io.
Result<std::unique_ptr<Network>> look_at_kernel_network();

}  // namespace edge::launcher
