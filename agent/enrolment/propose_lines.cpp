#include "agent/enrolment/propose_lines.hpp"

#include <algorithm>
#include <tuple>

#include "agent/enrolment/carrier_guess.hpp"
#include "protocol/launcher/messages.hpp"
#include "protocol/link/uplink.hpp"

namespace edge::agent {
namespace {

constexpr std::uint32_t kMainTable = 254, kDefaultTable = 253;
constexpr std::uint32_t kFirstTable = 101, kFirstMark = 0x101;
constexpr std::size_t kLongestName = sizeof(launcher::LineName::text) - 1;

bool is_systems(std::uint32_t table) {
    return table == kMainTable || table == kDefaultTable;
}

bool is_link_local(const IpAddress& ip) {
    return ip.v6 && ip.bytes[0] == 0xfe && (ip.bytes[1] & 0xc0) == 0x80;
}

bool is_in_network_of(const FoundAddress& address, const IpAddress& other) {
    const int alone = address.ip.v6 ? 128 : 32;
    return address.ip.v6 == other.v6 && address.length > 0 && address.length < alone &&
           network_of(address.ip, address.length).contains(other);
}

/// One family's way out by a device.
struct WayOut {
    FoundRoute route;
    std::vector<FoundAddress> addresses;  // the source first
};

/// The addresses that a route is for. Where the gateway is in the network of none, all of the family, and their
/// networks say nothing.
std::vector<FoundAddress> addresses_for(const FoundRoute& route, const FoundDevice& device) {
    std::vector<FoundAddress> of_family, near;
    for (const auto& one : device.addresses) {
        if (one.ip.v6 != route.v6) continue;
        of_family.push_back(one);
        if (route.gateway && (is_link_local(*route.gateway) || is_in_network_of(one, *route.gateway)))
            near.push_back(one);
    }
    const auto is_source = [&](const FoundAddress& one) { return one.ip == route.source; };
    const bool onlink = near.empty();
    if (onlink) near = of_family;
    if (onlink && route.source) std::erase_if(near, [&](const FoundAddress& one) { return !is_source(one); });
    if (onlink)
        for (auto& one : near) one.length = 0;
    if (const auto source = std::ranges::find_if(of_family, is_source);
        source != of_family.end() && std::ranges::none_of(near, is_source))
        near.insert(near.begin(), *source);
    std::stable_partition(near.begin(), near.end(), is_source);
    return near;
}

bool share_an_address(const WayOut& one, const WayOut& other) {
    return std::ranges::any_of(one.addresses, [&](const FoundAddress& its) {
        return std::ranges::any_of(other.addresses, [&](const FoundAddress& also) { return also.ip == its.ip; });
    });
}

std::string route_text(const FoundRoute& route) {
    return std::string(route.v6 ? "IPv6" : "IPv4") + " default route of table " + std::to_string(route.table) +
           (route.gateway ? " to " + route.gateway->text() : "") + " by " + route.device;
}

class Proposing {
  public:
    explicit Proposing(const NetworkFacts& facts) : facts_(facts), tables_(facts.tables) {}

    Proposal all() {
        for (const auto& device : facts_.devices) take(device);
        if (proposal_.lines.size() > launcher::kMaxLines) {
            note("more than " + std::to_string(launcher::kMaxLines) + " ways out: " + proposal_.lines.back().device +
                 " and others are left out");
            proposal_.lines.resize(launcher::kMaxLines);
        }
        for (const auto& route : facts_.routes)
            if (std::ranges::find(facts_.devices, route.device, &FoundDevice::name) == facts_.devices.end())
                note("the " + route_text(route) + " is left out: the device has gone, or is loopback");
        return std::move(proposal_);
    }

  private:
    void note(std::string what) { proposal_.notes.push_back(std::move(what)); }

    /// Its ways, each address in one at most: a table of its own says more than the main one, a lower metric more
    /// than a higher.
    std::vector<WayOut> ways_of(const FoundDevice& device) {
        std::vector<FoundRoute> routes;
        for (const auto& route : facts_.routes)
            if (route.device == device.name) routes.push_back(route);
        std::ranges::stable_sort(routes, [](const FoundRoute& one, const FoundRoute& other) {
            return std::tuple(one.v6, is_systems(one.table), one.metric) <
                   std::tuple(other.v6, is_systems(other.table), other.metric);
        });
        std::vector<WayOut> ways;
        for (const auto& route : routes) {
            WayOut way{route, addresses_for(route, device)};
            if (way.addresses.empty()) {
                note("the " + route_text(route) + " is left out: " + device.name + " has no address of that family");
                continue;
            }
            const auto taken =
                std::ranges::find_if(ways, [&](const WayOut& before) { return share_an_address(before, way); });
            if (taken == ways.end())
                ways.push_back(std::move(way));
            else if (taken->route.gateway != route.gateway)
                note("the " + route_text(route) + " is left out: " + way.addresses.front().ip.text() + " goes by the " +
                     route_text(taken->route));
        }
        return ways;
    }

    void take(const FoundDevice& device) {
        const auto is_its = [&](const FoundRoute& route) { return route.device == device.name; };
        if (std::ranges::none_of(facts_.routes, is_its)) return;
        if (device.is_tunnel)
            return note(device.name + " has a default route and is left out: what goes into a tunnel leaves by " +
                        "another device; write a line for it if it is an uplink all the same");
        if (device.name.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-+") !=
            std::string::npos)
            return note("a device whose name edge-launcher does not take is left out: rename it");
        const auto ways = ways_of(device);
        const auto of_v4 = std::ranges::count_if(ways, [](const WayOut& way) { return !way.route.v6; });
        const auto of_v6 = std::ssize(ways) - of_v4;
        const bool is_one = of_v4 <= 1 && of_v6 <= 1;
        std::vector<bool> done(ways.size());
        for (std::size_t i = 0; i < ways.size(); ++i) {
            if (done[i]) continue;
            std::vector<WayOut> parts{ways[i]};
            for (std::size_t j = i + 1; j < ways.size(); ++j) {
                const bool is_other_half = !ways[i].route.v6 && ways[j].route.v6 && parts.size() == 1 && !done[j] &&
                                           (is_one || ways[i].route.table == ways[j].route.table);
                if (!is_other_half) continue;
                parts.push_back(ways[j]);
                done[j] = true;
            }
            add(device, parts, !is_one);
        }
        note_what_is_left(device, ways);
    }

    void note_what_is_left(const FoundDevice& device, const std::vector<WayOut>& ways) {
        for (const auto& address : device.addresses) {
            const auto has_it = [&](const WayOut& way) {
                return std::ranges::any_of(way.addresses,
                                           [&](const FoundAddress& one) { return one.ip == address.ip; });
            };
            if (!ways.empty() && std::ranges::none_of(ways, has_it))
                note(address.ip.text() + " of " + device.name +
                     " is left out: no default route is for it; if it is another carrier's, write a line with kind = "
                     "\"address\" and its gateway");
        }
    }

    void add(const FoundDevice& device, const std::vector<WayOut>& parts, bool shares_device) {
        ProposedLine line;
        line.device = device.name;
        line.shares_device = shares_device;
        for (const WayOut& part : parts) {
            line.addresses.insert(line.addresses.end(), part.addresses.begin(), part.addresses.end());
            (part.route.v6 ? line.gateway6 : line.gateway4) = part.route.gateway;
        }
        fit_addresses(parts, line);
        const auto guess = guess_carrier(facts_, line.addresses, shares_device ? nullptr : &device);
        line.carrier = guess.carrier;
        line.carrier_from = guess.from;
        line.name = free_name(usual_name(guess.carrier), device.name);
        choose_table(parts, line);
        line.mark = free_mark();
        choose_resolvers(device, parts, line);
        say_what_may_change(device, line);
        proposal_.lines.push_back(std::move(line));
    }

    /// Four at most, and of each family one at least.
    static void fit_addresses(const std::vector<WayOut>& parts, ProposedLine& line) {
        auto& addresses = line.addresses;
        if (addresses.size() <= launcher::kMaxAddresses) return;
        line.notes.push_back("has more than four addresses; the first are taken");
        if (parts.size() > 1 && parts[0].addresses.size() >= launcher::kMaxAddresses)
            addresses.erase(addresses.begin() + launcher::kMaxAddresses - 1,
                            addresses.begin() + static_cast<std::ptrdiff_t>(parts[0].addresses.size()));
        addresses.resize(launcher::kMaxAddresses);
    }

    std::string free_name(const std::string& usual, const std::string& device) const {
        std::string base;
        for (const char c : usual.empty() ? device : usual) {
            const bool upper = c >= 'A' && c <= 'Z';
            const bool fits = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
            base += upper ? static_cast<char>(c | 0x20) : fits ? c : '-';
        }
        base.resize(std::min(base.size(), kLongestName - 3));
        const auto is_taken = [&](const std::string& name) {
            return name == link::kHostUplink ||  // which is what the host's own routing is called
                   std::ranges::find(proposal_.lines, name, &ProposedLine::name) != proposal_.lines.end();
        };
        std::string name = base;
        for (int n = 2; is_taken(name); ++n) name = base + "-" + std::to_string(n);
        return name;
    }

    /// Only where both halves of the line, and nothing else, go by one table is that the line's.
    void choose_table(const std::vector<WayOut>& parts, ProposedLine& line) {
        const std::uint32_t first = parts.front().route.table;
        const auto is_parts = [&](const FoundRoute& route) {
            return std::ranges::any_of(parts, [&](const WayOut& part) {
                return part.route.device == route.device && part.route.gateway == route.gateway;
            });
        };
        const bool is_its_own =
            !is_systems(first) && !given_.contains(first) &&
            std::ranges::all_of(parts, [&](const WayOut& part) { return part.route.table == first; }) &&
            std::ranges::all_of(facts_.routes,
                                [&](const FoundRoute& route) { return route.table != first || is_parts(route); });
        line.managed = !is_its_own;
        line.table = first;
        if (is_its_own) {
            given_.insert(first);
            return;
        }
        for (line.table = kFirstTable; tables_.contains(line.table) || (line.table >= 253 && line.table <= 255);)
            ++line.table;
        tables_.insert(line.table);
    }

    std::uint32_t free_mark() {
        const auto is_taken = [&](std::uint32_t mark) {
            return std::ranges::any_of(facts_.marks,
                                       [&](const FoundMark& one) { return (mark & one.mask) == one.value; });
        };
        while (is_taken(next_mark_)) ++next_mark_;
        return next_mark_++;
    }

    void choose_resolvers(const FoundDevice& device, const std::vector<WayOut>& parts, ProposedLine& line) const {
        std::vector<IpAddress> asked;
        if (const auto of_lease = facts_.resolvers_of.find(device.name); of_lease != facts_.resolvers_of.end())
            asked = of_lease->second;
        if (line.shares_device) asked.clear();  // whose it is the lease does not say
        const bool is_hosts = std::ranges::any_of(parts, [&](const WayOut& part) { return is_hosts_way(part.route); });
        for (const auto& one : facts_.resolvers) {
            const bool is_near = std::ranges::any_of(
                line.addresses, [&](const FoundAddress& address) { return is_in_network_of(address, one); });
            if (is_hosts || is_near) asked.push_back(one);
        }
        for (const auto& one : asked) {
            const auto is_same_family = [&](const FoundAddress& address) { return address.ip.v6 == one.v6; };
            const auto is_own = [&](const FoundAddress& address) { return address.ip == one; };
            if (line.resolvers.size() < launcher::kMaxAddresses && !is_link_local(one) &&
                std::ranges::find(line.resolvers, one) == line.resolvers.end() &&
                std::ranges::any_of(line.addresses, is_same_family) && std::ranges::none_of(line.addresses, is_own))
                line.resolvers.push_back(one);
        }
        if (line.resolvers.empty())
            line.notes.push_back(
                "no resolver is known for it: names cannot be resolved over it until resolvers has one");
    }

    /// The one that the host's own packets take: of the main table the lowest metric, of any device.
    bool is_hosts_way(const FoundRoute& way) const {
        const FoundRoute* best = nullptr;
        for (const auto& route : facts_.routes)
            if (route.table == kMainTable && route.v6 == way.v6 && (best == nullptr || route.metric < best->metric))
                best = &route;
        return best != nullptr && best->device == way.device && best->gateway == way.gateway;
    }

    static void say_what_may_change(const FoundDevice& device, ProposedLine& line) {
        for (const auto& address : line.addresses)
            if (address.is_leased)
                line.notes.push_back(address.ip.text() +
                                     " is leased: when it changes the line is down until it is changed here");
        if (!device.has_carrier) line.notes.push_back(device.name + " is down or has no carrier now");
    }

    const NetworkFacts& facts_;
    std::set<std::uint32_t> tables_;  // that are there, or were chosen
    std::set<std::uint32_t> given_;   // that are there and a line's: two lines have none in common
    std::uint32_t next_mark_ = kFirstMark;
    Proposal proposal_;
};

}  // namespace

Result<Proposal> propose_lines(const NetworkFacts& facts) {
    if (facts.routes.empty())
        return Error{Errc::not_found, "default route",
                     "none in any table (ip route show table all default), so no uplink is found; write lines.toml by "
                     "hand and name it with --lines FILE, or go on without by --no-lines"};
    Proposal proposal = Proposing(facts).all();
    if (!proposal.lines.empty()) return proposal;
    std::string why;
    for (const auto& note : proposal.notes) why += "; " + note;
    return Error{Errc::not_found, "default route",
                 "none that could be a line's" + why +
                     "; write lines.toml by hand and name it with --lines FILE, or go on without by --no-lines"};
}

}  // namespace edge::agent
