#include "agent/launcher/line_checks.hpp"

#include <algorithm>
#include <map>
#include <string>

#include "agent/launcher/lines/target_table.hpp"
#include "protocol/launcher/messages.hpp"
#include "protocol/targets/special_ranges.hpp"

namespace edge::launcher {
namespace {

bool is_word(std::string_view text, std::size_t limit) {
    return !text.empty() && text.size() <= limit && std::all_of(text.begin(), text.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
    });
}

/// Less than the kernel takes as a device name (dev_valid_name in net/core/dev.c): it stands in commands that root
/// types.
bool is_device(std::string_view text) {
    constexpr std::string_view kPlain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-+";
    return !text.empty() && text.size() < 16 && text != "." && text != ".." &&
           text.find_first_not_of(kPlain) == std::string_view::npos;
}

/// Is the gateway in the network of one of the line's addresses? Nothing where no length is said, as for ppp0.
bool may_be_gateway(const Line& line, const IpAddress& gateway) {
    bool said = false;
    for (const auto& address : line.addresses) {
        const int alone = address.v6 ? 128 : 32;  // a host's own: its gateway stands elsewhere on the link
        if (address.v6 != gateway.v6 || address.length == 0 || address.length == alone) continue;
        if (network_of(address, address.length).contains(gateway)) return true;
        said = true;
    }
    return !said || (gateway.v6 && gateway.bytes[0] == 0xfe && (gateway.bytes[1] & 0xc0) == 0x80);  // fe80::/10
}

/// What an address is that no device has, nor a host that is asked over one; nothing of any other.
std::optional<std::string> no_host(const IpAddress& address) {
    static const std::vector<IpPrefix> kRanges = [] {
        std::vector<IpPrefix> ranges;
        for (const char* text : {"0.0.0.0/8", "127.0.0.0/8", "224.0.0.0/3", "::/96", "::ffff:0:0/96", "ff00::/8"})
            ranges.push_back(IpPrefix::parse(text).value());
        return ranges;
    }();
    if (std::ranges::none_of(kRanges, [&](const IpPrefix& range) { return range.contains(address); }))
        return std::nullopt;
    return std::string(special_range(address)->what);  // each of them is in that list
}

/// Whatever the line sends to has to be a host, and of a family that the line has an address of.
void check_other(const Line& line, const IpAddress& other, const std::string& at, const std::string& key,
                 TomlChecker& checker) {
    if (const auto what = no_host(other))
        checker.need(false, at, key + " " + other.text() + " is no host's address: it is " + *what);
    checker.need(
        line.addresses.empty() || line.has_family(other.v6), at,
        key + " " + other.text() + " cannot be reached: the line has no IPv" + (other.v6 ? "6" : "4") + " address");
    checker.need(std::ranges::find(line.addresses, other) == line.addresses.end(), at,
                 key + " " + other.text() + " is the line's own address");
}

void check_gateway(const Line& line, const std::optional<IpAddress>& gateway, bool v6, const std::string& at,
                   TomlChecker& checker) {
    const std::string key = v6 ? "gateway6" : "gateway4", place = at + "/" + key;
    if (!gateway) return;
    if (gateway->v6 != v6)
        return checker.need(false, place, key + (v6 ? " must be an IPv6 address" : " must be an IPv4 address"));
    check_other(line, *gateway, place, key, checker);
    checker.need(may_be_gateway(line, *gateway), place,
                 key + " " + gateway->text() + " is in the network of no address of the line");
    for (const auto& address : line.addresses) {
        if (v6 || address.v6 || address.length == 0 || address.length > 30) continue;  // RFC 3021: /31 has neither
        const IpPrefix network = network_of(address, address.length);
        checker.need(*gateway != network.address && *gateway != last_of(network), place,
                     key + " " + gateway->text() + " is the network's or the broadcast address of " + network.text());
    }
}

void check_addresses(const Line& line, const std::string& at, TomlChecker& checker) {
    checker.need(!line.addresses.empty(), at + "/addresses", "addresses must list the line's own addresses");
    checker.need(line.addresses.size() <= kMaxAddresses, at + "/addresses", "at most 4 addresses a line");
    checker.need(line.resolvers.size() <= kMaxAddresses, at + "/resolvers", "at most 4 resolvers a line");
    for (std::size_t i = 0; i < line.addresses.size(); ++i)
        if (const auto what = no_host(line.addresses[i]))
            checker.need(false, at + "/addresses/" + std::to_string(i),
                         line.addresses[i].text() + " is no device's address: it is " + *what);
    check_gateway(line, line.gateway4, false, at, checker);
    check_gateway(line, line.gateway6, true, at, checker);
    for (std::size_t i = 0; i < line.resolvers.size(); ++i)
        check_other(line, line.resolvers[i], at + "/resolvers/" + std::to_string(i), "resolver", checker);
}

void check_line(const Line& line, const std::string& at, TomlChecker& checker) {
    checker.need(is_word(line.name, sizeof(LineName::text) - 1), at + "/name",
                 "name must be 1 to 31 of a-z, 0-9 and -");
    checker.need(line.carrier.empty() || is_word(line.carrier, sizeof(LineInfo::carrier) - 1), at + "/carrier",
                 "carrier must be at most 15 of a-z, 0-9 and -, such as ct, cu, cm");
    checker.need(is_device(line.device), at + "/device", "device must name a network device, such as wan0");
    checker.need(line.mark != 0, at + "/mark", "mark must be 1 to 4294967295, another for each line, such as 0x101");
    checker.need(line.table != 0 && (line.table < 253 || line.table > 255), at + "/table",
                 "table must be 1 to 4294967295, another for each line, such as 101; 253 to 255 belong to the system");
    check_addresses(line, at, checker);
}

/// What a kind needs beside, and keys that are another kind's.
void check_kind(const Line& line, const std::string& at, TomlChecker& checker) {
    const bool macvlan = line.kind == LineKind::macvlan, netns = line.kind == LineKind::netns;
    const auto only = [&](const std::string& key, bool given, const std::string& kind, bool is_it) {
        checker.need(is_it || !given, at + "/" + key,
                     key + " belongs to kind = \"" + kind + "\"; take it out, or change the kind");
    };
    only("parent", !line.parent.empty(), "macvlan", macvlan);
    only("mac", line.mac.has_value(), "macvlan", macvlan);
    only("netns", !line.netns.empty(), "netns", netns);
    if (netns) {
        checker.need(
            !line.netns.empty() && line.netns.size() < sizeof(LineInfo::place), at + "/netns",
            "netns must name a network namespace, as `ip netns list` does, or its path; at most 63 characters");
        checker.need(line.netns.find("..") == std::string::npos &&
                         (line.netns.starts_with('/') || line.netns.find('/') == std::string::npos),
                     at + "/netns", "netns is a name without a slash, or a path from the root on");
        checker.need(!line.netns.starts_with("/proc/"), at + "/netns",
                     "netns cannot be below /proc, where it goes unnoticed; bind it: ip netns attach NAME PID");
    }
    if (!macvlan) return;
    checker.need(is_device(line.parent), at + "/parent",
                 "parent must name the network device that the macvlan is made on, such as eth0");
    checker.need(line.parent != line.device, at + "/device",
                 "device is the name of the macvlan that is made; it cannot be its parent's");
    checker.need(line.routes == Routes::managed, at + "/routes",
                 "routes of a macvlan must be \"managed\": its device is there only while edge-launcher runs");
    for (std::size_t i = 0; i < line.addresses.size(); ++i)
        checker.need(line.addresses[i].length != 0, at + "/addresses/" + std::to_string(i),
                     line.addresses[i].text() + " needs its prefix length, such as /24: EDGE puts it on the macvlan");
}

/// Two lines with one mark would be one line.
template <class Value>
void check_unique(const std::vector<Line>& lines, Value Line::*field, const std::string& key, TomlChecker& checker) {
    std::map<Value, const Line*> seen;
    for (std::size_t i = 0; i < lines.size(); ++i) {
        const auto [at, fresh] = seen.try_emplace(lines[i].*field, &lines[i]);
        checker.need(fresh || lines[i].*field == Value{}, "/line/" + std::to_string(i) + "/" + key,
                     key + " is that of line \"" + at->second->name + "\" as well");
    }
}

/// Two lines on one device are told apart by their addresses, or not at all.
void check_devices(const std::vector<Line>& lines, TomlChecker& checker) {
    for (std::size_t i = 0; i < lines.size(); ++i)
        for (std::size_t j = 0; j < i; ++j) {
            const Line &one = lines[i], &other = lines[j];
            if (one.netns_path() != other.netns_path()) continue;
            const bool shared = one.device == other.device;
            const bool both_by_address = one.kind == LineKind::address && other.kind == LineKind::address;
            const auto at = "/line/" + std::to_string(i);
            checker.need(!shared || both_by_address, at + "/device",
                         "device is that of line \"" + other.name +
                             "\" as well; give both kind = \"address\", or each a device");
            for (const auto& [child, owner] : {std::pair{&one, &other}, {&other, &one}})
                checker.need(child->parent != owner->device,
                             "/line/" + std::to_string(child == &one ? i : j) + "/parent",
                             "parent is the device of line \"" + owner->name + "\", which is that line's alone");
            // The kernel makes the second, and brings it up never (macvlan_open).
            checker.need(!one.mac || one.mac != other.mac || one.parent != other.parent, at + "/mac",
                         "mac is that of line \"" + other.name + "\" as well, on the same parent; give each its own");
            for (const auto& address : one.addresses)
                checker.need(
                    std::find(other.addresses.begin(), other.addresses.end(), address) == other.addresses.end(),
                    at + "/addresses", address.text() + " is an address of line \"" + other.name + "\" as well");
        }
}

}  // namespace

void check_lines(const std::vector<Line>& lines, TomlChecker& checker) {
    checker.need(!lines.empty(), "/line", "names no line; add a [[line]]");
    checker.need(lines.size() <= kMaxLines, "/line", "at most " + std::to_string(kMaxLines) + " lines");
    for (std::size_t i = 0; i < lines.size(); ++i) {
        check_line(lines[i], "/line/" + std::to_string(i), checker);
        check_kind(lines[i], "/line/" + std::to_string(i), checker);
    }
    check_unique(lines, &Line::name, "name", checker);
    check_unique(lines, &Line::mark, "mark", checker);
    check_unique(lines, &Line::table, "table", checker);
    check_devices(lines, checker);
}

void check_startable(const std::vector<Line>& lines, const Started& started, TomlChecker& checker) {
    const bool root = started.privileges == Privileges::root;
    for (std::size_t i = 0; i < lines.size(); ++i) {
        const auto at = "/line/" + std::to_string(i);
        const bool is_device = lines[i].kind == LineKind::device, is_netns = lines[i].kind == LineKind::netns;
        checker.need(root || is_device, at + "/kind",
                     "without root a line is kind = \"device\", which edge-probe can bind to by itself");
        checker.need(root || !is_device || lines[i].routes == Routes::external, at + "/routes",
                     "managed routes need root; take this out, and add those that edge-launcher prints");
        checker.need(!root || !is_netns || started.may_enter_namespaces, at + "/kind",
                     "kind = \"netns\" needs cap_sys_admin; run `systemctl edit edge-launcher`, and give it "
                     "CapabilityBoundingSet=CAP_SYS_ADMIN below [Service]");
        checker.need(
            !is_netns || started.guard != GuardChoice::nft, at + "/kind",
            "kind = \"netns\" is held by BPF alone, not by --guard nft; choose another guard, or another kind");
    }
}

}  // namespace edge::launcher
