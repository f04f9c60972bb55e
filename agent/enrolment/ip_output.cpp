#include "agent/enrolment/ip_output.hpp"

#include <algorithm>
#include <charconv>

#include "protocol/json/described.hpp"

namespace edge::agent {
namespace {

// As ip(8) names them; it prints a key only where it has something to say.
struct PrintedAddress {
    static constexpr bool fields_have_defaults = true;
    std::string family;
    std::string local;
    std::uint8_t prefixlen = 0;
    std::string scope;  // "0" is global
    bool dynamic = false, temporary = false, deprecated = false, tentative = false, dadfailed = false;
};
BOOST_DESCRIBE_STRUCT(PrintedAddress, (),
                      (family, local, prefixlen, scope, dynamic, temporary, deprecated, tentative, dadfailed))

struct PrintedDevice {
    static constexpr bool fields_have_defaults = true;
    std::uint32_t ifindex = 0;
    std::string ifname;
    std::vector<std::string> flags;
    std::string link_type;
    std::vector<std::string> altnames;
    std::vector<PrintedAddress> addr_info;
};
BOOST_DESCRIBE_STRUCT(PrintedDevice, (), (ifindex, ifname, flags, link_type, altnames, addr_info))

struct PrintedHop {
    static constexpr bool fields_have_defaults = true;
    std::string gateway;
    std::string dev;
};
BOOST_DESCRIBE_STRUCT(PrintedHop, (), (gateway, dev))

struct PrintedRoute {
    static constexpr bool fields_have_defaults = true;
    std::string type = "1";  // "1" is unicast
    std::string gateway;
    std::string dev;
    std::string table = "254";
    std::string protocol;
    std::string prefsrc;
    std::uint32_t metric = 0;
    std::vector<PrintedHop> nexthops;
};
BOOST_DESCRIBE_STRUCT(PrintedRoute, (), (type, gateway, dev, table, protocol, prefsrc, metric, nexthops))

struct PrintedRule {
    static constexpr bool fields_have_defaults = true;
    std::string table;
    std::string fwmark;
    std::string fwmask;
};
BOOST_DESCRIBE_STRUCT(PrintedRule, (), (table, fwmark, fwmask))

constexpr JsonLimits kPrinted{
    .bytes = 16U << 20, .depth = 8, .values = 1U << 20, .object_keys = 256};  // a thousand containers' devices

template <class T>
Result<std::vector<T>> printed_as(std::string_view printed) {
    if (printed.empty()) return std::vector<T>();  // it has nothing to print
    EDGE_TRY(const auto json, parse_json(printed, kPrinted));
    return decode<std::vector<T>>(json, UnknownFields::ignore);
}

/// Decimal, or hexadecimal behind 0x.
std::optional<std::uint32_t> number_in(std::string_view text) {
    const bool is_hex = text.starts_with("0x");
    if (is_hex) text.remove_prefix(2);
    std::uint32_t number = 0;
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number, is_hex ? 16 : 10);
    if (failed != std::errc{} || end != text.data() + text.size() || text.empty()) return std::nullopt;
    return number;
}

bool has_flag(const std::vector<std::string>& flags, std::string_view flag) {
    return std::ranges::find(flags, flag) != flags.end();
}

/// linux/if_arp.h: ARPHRD_TUNNEL, _TUNNEL6, _SIT, _IPGRE, _IP6GRE, _NONE.
bool is_tunnel_type(std::string_view link_type) {
    for (const std::string_view one : {"[768]", "[769]", "[776]", "[778]", "[823]", "[65534]"})
        if (link_type == one) return true;
    return false;
}

bool can_be_source(const PrintedAddress& one) {
    return one.scope == "0" && !one.temporary && !one.deprecated && !one.tentative && !one.dadfailed;
}

std::optional<IpAddress> address_in(const std::string& text) {
    const auto parsed = IpAddress::parse(text);
    return parsed ? std::optional(parsed.value()) : std::nullopt;
}

bool is_loopback(const IpAddress& ip) {
    static const IpPrefix v4 = IpPrefix::parse("127.0.0.0/8").value(), v6 = IpPrefix::parse("::1/128").value();
    return (ip.v6 ? v6 : v4).contains(ip);
}

void add_resolver(std::string_view text, std::vector<IpAddress>& found) {
    const auto ip = IpAddress::parse(text.substr(0, text.find('%')));  // a scope is a device's, and no line's
    if (ip && !is_loopback(ip.value()) && std::ranges::find(found, ip.value()) == found.end())
        found.push_back(ip.value());
}

/// The words of a line, blanks between them.
std::vector<std::string_view> words_of(std::string_view line) {
    std::vector<std::string_view> words;
    constexpr std::string_view kBlank = " \t\r";
    for (std::size_t at = line.find_first_not_of(kBlank); at != std::string_view::npos;) {
        const auto end = std::min(line.find_first_of(kBlank, at), line.size());
        words.push_back(line.substr(at, end - at));
        at = line.find_first_not_of(kBlank, end);
    }
    return words;
}

template <class Each>
void each_line(std::string_view text, Each each) {
    while (!text.empty()) {
        const auto end = std::min(text.find('\n'), text.size());
        each(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
}

}  // namespace

Result<> add_devices(std::string_view printed, NetworkFacts& facts) {
    EDGE_TRY(const auto devices, printed_as<PrintedDevice>(printed));
    for (const auto& one : devices) {
        if (one.ifname.empty() || has_flag(one.flags, "LOOPBACK")) continue;
        FoundDevice device{
            one.ifname, one.altnames, one.ifindex, is_tunnel_type(one.link_type), has_flag(one.flags, "LOWER_UP"), {}};
        for (const auto& address : one.addr_info)
            if (const auto ip = address_in(address.local); ip && can_be_source(address))
                device.addresses.push_back({*ip, address.prefixlen, address.dynamic});
        facts.devices.push_back(std::move(device));
    }
    return ok();
}

Result<> add_routes(std::string_view printed, bool v6, NetworkFacts& facts) {
    EDGE_TRY(const auto routes, printed_as<PrintedRoute>(printed));
    for (const auto& one : routes) {
        const auto table = number_in(one.table);
        if (!table) return Error{Errc::bad_value, "ip route", "table \"" + one.table.substr(0, 32) + "\" is no number"};
        facts.tables.insert(*table);
        if (one.type != "1" || one.protocol == "237") continue;
        const auto add = [&](const std::string& gateway, const std::string& device) {
            if (!device.empty())
                facts.routes.push_back({v6, device, address_in(gateway), *table, one.metric, address_in(one.prefsrc)});
        };
        add(one.gateway, one.dev);
        for (const auto& hop : one.nexthops) add(hop.gateway, hop.dev);
    }
    return ok();
}

Result<> add_rules(std::string_view printed, NetworkFacts& facts) {
    EDGE_TRY(const auto rules, printed_as<PrintedRule>(printed));
    for (const auto& one : rules) {
        if (const auto table = number_in(one.table)) facts.tables.insert(*table);
        if (const auto mark = number_in(one.fwmark))
            facts.marks.push_back({*mark, number_in(one.fwmask).value_or(0xffffffff)});
    }
    return ok();
}

std::vector<IpAddress> resolvers_in(std::string_view resolv_conf) {
    std::vector<IpAddress> found;
    each_line(resolv_conf, [&](std::string_view line) {
        const auto words = words_of(line);
        if (words.size() >= 2 && words[0] == "nameserver") add_resolver(words[1], found);
    });
    return found;
}

std::vector<IpAddress> resolvers_in_lease(std::string_view lease) {
    std::vector<IpAddress> found;
    each_line(lease, [&](std::string_view line) {
        if (!line.starts_with("DNS=")) return;
        for (const auto word : words_of(line.substr(4))) add_resolver(word, found);
    });
    return found;
}

}  // namespace edge::agent
