#include "agent/launcher/config.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <map>
#include <sstream>

#include "agent/launcher/os/files.hpp"
#include "agent/launcher/sabotage.hpp"
#include "protocol/config/toml.hpp"
#include "protocol/launcher/messages.hpp"
#include "protocol/nearest.hpp"

namespace edge::launcher {
namespace {

struct LinesFile {
    static constexpr bool fields_have_defaults = true;
    std::vector<Line> line;
};
BOOST_DESCRIBE_STRUCT(LinesFile, (), (line))

constexpr std::size_t kMaxEntries = 256;  // of one policy list; they all become arguments of a worker
const std::vector<std::string> kServices{"dns", "http", "ping", "tcp", "tls", "traceroute", "mtr"};

bool is_word(std::string_view text, std::size_t limit) {
    return !text.empty() && text.size() <= limit && std::all_of(text.begin(), text.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
    });
}

/// What the kernel takes as a device name (dev_valid_name in net/core/dev.c), and printable.
bool is_device(std::string_view text) {
    return !text.empty() && text.size() < 16 && text != "." && text != ".." &&
           std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 127 && c != '/' && c != ':'; });
}

/// Is the gateway in the network of one of the line's addresses? Nothing where no length is said, as for ppp0.
bool may_be_gateway(const Line& line, const std::optional<IpAddress>& gateway) {
    bool said = false;
    for (const auto& address : line.addresses) {
        if (!gateway || address.v6 != gateway->v6 || address.length == 0) continue;
        if (network_of(address, address.length).contains(*gateway)) return true;
        said = true;
    }
    return !said || (gateway->v6 && gateway->bytes[0] == 0xfe && (gateway->bytes[1] & 0xc0) == 0x80);  // fe80::/10
}

void check_addresses(const Line& line, const std::string& at, TomlChecker& checker) {
    const auto outside = [](const std::string& key, const std::optional<IpAddress>& gateway) {
        return key + " " + (gateway ? gateway->text() : "") + " is in the network of no address of the line";
    };
    checker.need(may_be_gateway(line, line.gateway4), at + "/gateway4", outside("gateway4", line.gateway4));
    checker.need(may_be_gateway(line, line.gateway6), at + "/gateway6", outside("gateway6", line.gateway6));
    checker.need(!line.addresses.empty(), at + "/addresses", "addresses must list the line's own addresses");
    checker.need(line.addresses.size() <= kMaxAddresses, at + "/addresses", "at most 4 addresses a line");
    checker.need(line.resolvers.size() <= kMaxAddresses, at + "/resolvers", "at most 4 resolvers a line");
    checker.need(!line.gateway4 || !line.gateway4->v6, at + "/gateway4", "gateway4 must be an IPv4 address");
    checker.need(!line.gateway6 || line.gateway6->v6, at + "/gateway6", "gateway6 must be an IPv6 address");
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

/// What takes root, of lines that are good for it.
void check_without_root(const std::vector<Line>& lines, TomlChecker& checker) {
    for (std::size_t i = 0; i < lines.size(); ++i) {
        const auto at = "/line/" + std::to_string(i);
        const bool is_device = lines[i].kind == LineKind::device;
        checker.need(is_device, at + "/kind",
                     "without root a line is kind = \"device\", which edge-probe can bind to by itself");
        checker.need(!is_device || lines[i].routes == Routes::external, at + "/routes",
                     "managed routes need root; take this out, and add those that edge-launcher prints");
    }
}

bool offers(const Policy& policy, std::string_view service) {
    return std::find(policy.services.begin(), policy.services.end(), service) != policy.services.end();
}

}  // namespace

Result<LineAddress> LineAddress::parse(std::string_view text) {
    const auto slash = text.find('/');
    EDGE_TRY(const auto address, IpAddress::parse(text.substr(0, slash)));
    LineAddress parsed(address);
    if (slash == std::string_view::npos) return parsed;
    const auto digits = text.substr(slash + 1);
    const auto [end, failed] = std::from_chars(digits.data(), digits.data() + digits.size(), parsed.length);
    const unsigned most = address.v6 ? 128 : 32;
    if (failed == std::errc{} && end == digits.data() + digits.size() && parsed.length > 0 && parsed.length <= most)
        return parsed;
    return Error{Errc::bad_value, {}, "expected an address with a prefix length of 1 to " + std::to_string(most)};
}

Result<MacAddress> MacAddress::parse(std::string_view text) {
    MacAddress mac;
    for (std::size_t i = 0; i < mac.bytes.size(); ++i) {
        const auto digits = text.substr(std::min(3 * i, text.size()), 2);
        const auto [end, failed] = std::from_chars(digits.data(), digits.data() + digits.size(), mac.bytes[i], 16);
        const bool last = i + 1 == mac.bytes.size();
        if (failed != std::errc{} || digits.size() != 2 || end != digits.data() + 2 ||
            (last ? text.size() != 17 : text.substr(3 * i + 2, 1) != ":"))
            return Error{Errc::bad_value, {}, "expected a hardware address such as 02:00:5e:10:00:01"};
    }
    if ((mac.bytes[0] & 1) == 0 && mac != MacAddress{}) return mac;
    return Error{Errc::bad_value, {}, "is no device's address: the first byte must be even, and not all may be 0"};
}

std::string MacAddress::text() const {
    char text[18];
    const auto& b = bytes;
    std::snprintf(text, sizeof text, "%02x:%02x:%02x:%02x:%02x:%02x", b[0], b[1], b[2], b[3], b[4], b[5]);
    return text;
}

void check_together(const Config& config, const ConfigTexts& texts, Problems& problems) {
    TomlChecker policy(texts.policy, texts.policy_file, problems), lines(texts.lines, texts.lines_file, problems);
    const auto& targets = config.policy.targets;
    const auto lists = [&](std::uint16_t port) {
        return targets.ports.empty() ||
               std::find(targets.ports.begin(), targets.ports.end(), port) != targets.ports.end();
    };
    for (std::size_t i = 0; i < config.lines.size(); ++i) {
        const Line& line = config.lines[i];
        for (const auto& resolver : line.resolvers)
            for (std::size_t d = 0; d < targets.deny.size(); ++d)
                policy.need(targets.deny[d] != network_of(resolver, resolver.v6 ? 128 : 32),
                            "/targets/deny/" + std::to_string(d),
                            "denies " + resolver.text() + ", a resolver of line \"" + line.name +
                                "\", which stays open on port 53; take it out of one of the two");
        lines.need(!line.resolvers.empty() || !offers(config.policy, "dns") || lists(53), "/line/" + std::to_string(i),
                   "has no resolvers, and policy.toml offers dns but does not list port 53; add one of the two");
    }
    policy.need(!config.policy.services.empty(), "/services",
                "services must name one at least, such as \"ping\"; without, no line lends anything");
    const bool dns_alone = !targets.ports.empty() && std::all_of(targets.ports.begin(), targets.ports.end(),
                                                                 [](std::uint16_t port) { return port == 53; });
    for (const std::string service : {"http", "tls"})
        policy.need(!dns_alone || !offers(config.policy, service), "/targets/ports",
                    "leave " + service + " no port to go to; add 80 and 443, or take " + service + " out of services");
}

std::vector<Line> parse_lines(std::string_view text, const std::string& file, Problems& problems) {
    TomlChecker checker(text, file, problems);
    auto decoded = checker.read<LinesFile>();
    if (!decoded) return {};
    auto& lines = decoded->line;
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
    return std::move(lines);
}

Policy parse_policy(std::string_view text, const std::string& file, Problems& problems) {
    TomlChecker checker(text, file, problems);
    const auto decoded = checker.read<Policy>();
    if (!decoded) return {};
    const Policy& policy = *decoded;
    for (std::size_t i = 0; i < policy.services.size(); ++i) {
        const auto& service = policy.services[i];
        checker.need(std::find(kServices.begin(), kServices.end(), service) != kServices.end(),
                     "/services/" + std::to_string(i),
                     "unknown service \"" + service + "\"" + did_you_mean(service, kServices));
    }
    const auto& targets = policy.targets;
    for (const auto& [key, size] : {std::pair{"allow", targets.allow.size()},
                                    {"deny", targets.deny.size()},
                                    {"ports", targets.ports.size()},
                                    {"only", targets.only.size()}})
        checker.need(size <= kMaxEntries, std::string("/targets/") + key, "at most 256 entries");
    checker.need(std::find(targets.ports.begin(), targets.ports.end(), 0) == targets.ports.end(), "/targets/ports",
                 "ports are 1 to 65535");
    const auto& destination = policy.destination;
    checker.range(destination.probes_per_s, 0, 100'000, "/destination/probes_per_s");
    checker.range(destination.burst, destination.probes_per_s == 0 ? 0 : 1, 1'000'000, "/destination/burst");
    checker.range(policy.host.cpu_pressure_percent, 0, 100, "/host/cpu_pressure_percent");
    checker.range(policy.host.memory_pressure_percent, 0, 100, "/host/memory_pressure_percent");
    checker.range(policy.host.load_per_cpu_percent, 0, 100'000, "/host/load_per_cpu_percent");
    checker.range(policy.worker.cpu_percent, 1, 6400, "/worker/cpu_percent");
    checker.range(policy.worker.memory_mb, 8, 65536, "/worker/memory_mb");
    checker.range(policy.worker.pids, 1, 4096, "/worker/pids");
    return policy;
}

Config read_config(const std::string& dir, Privileges privileges, bool may_enter_namespaces, Problems& problems) {
    Config config;
    const std::string lines_file = dir + "/lines.toml";
    const std::string policy_file = dir + "/policy.toml";
    ConfigTexts texts{lines_file, {}, policy_file, {}};
    const uid_t user = privileges == Privileges::none ? ::geteuid() : 0;
    if (const auto trusted = check_trusted_folder(dir, user); !trusted) problems.push_back(trusted.error());
    const auto read = [&](const std::string& file, std::string& text) {
        auto found = read_trusted_file(file, user);
        if (!found) problems.push_back(found.error());
        if (found) text = std::move(found.value());
        return bool(found);
    };
    if (read(lines_file, texts.lines)) config.lines = parse_lines(texts.lines, lines_file, problems);
    if (read(policy_file, texts.policy)) config.policy = parse_policy(texts.policy, policy_file, problems);
    config.policy_text = texts.policy;
    if (problems.empty()) check_together(config, texts, problems);
    TomlChecker lines(texts.lines, lines_file, problems);
    if (privileges == Privileges::none) {
        check_without_root(config.lines, lines);
        config.policy.worker = {0, 0, 0};  // nobody would hold them
        return config;
    }
    for (std::size_t i = 0; i < config.lines.size(); ++i)
        lines.need(config.lines[i].kind != LineKind::netns || may_enter_namespaces,
                   "/line/" + std::to_string(i) + "/kind",
                   "kind = \"netns\" needs cap_sys_admin; run `systemctl edit edge-launcher`, and give it "
                   "CapabilityBoundingSet=CAP_SYS_ADMIN below [Service]");
    return config;
}

void share_out_uids(std::uint32_t uid_base, std::uint32_t uids, std::vector<Line>& lines) {
    const auto each = uids / static_cast<std::uint32_t>(std::max<std::size_t>(lines.size(), 1));
    for (auto& line : lines) {
        line.uids = {uid_base, uid_base + std::max(each, 1U) - 1};
        uid_base += each;  // 0 where there is one alone
    }
}

std::optional<std::string> user_among_workers(std::string_view passwd, std::uint32_t uid_base) {
    std::istringstream in{std::string(passwd)};
    for (std::string user; std::getline(in, user);) {  // passwd(5): NAME:PASSWORD:UID:...
        const auto name = user.find(':'), password = user.find(':', name + 1);
        if (password == std::string::npos) continue;
        std::uint32_t uid = 0;
        const auto [end, failed] = std::from_chars(user.data() + password + 1, user.data() + user.size(), uid);
        if (failed == std::errc{} && uid - uid_base < kWorkerUids)
            return user.substr(0, name) + " (uid " + std::to_string(uid) + ")";
    }
    return std::nullopt;
}

std::vector<std::string> worker_arguments(const std::string& program, const Line& line, const Policy& policy,
                                          const std::string& ca) {
    std::vector<std::string> words{program, "worker", "--fd", "3", "--line", line.name, "--device", line.device};
    const auto add = [&](const char* flag, std::string value) {
        words.emplace_back(flag);
        words.push_back(std::move(value));
    };
    if (EDGE_IS_OFF(worker_targets)) {
        add("--allow", "0.0.0.0/0");
        add("--allow", "::/0");
        for (const auto& service : policy.services) add("--service", service);
        for (const auto& resolver : line.resolvers) add("--resolver", resolver.text());
        return words;
    }
    for (const auto& address : line.addresses) add("--address", address.text());
    for (const auto& resolver : line.resolvers) add("--resolver", resolver.text());
    for (const auto& prefix : policy.targets.allow) add("--allow", prefix.text());
    for (const auto& prefix : policy.targets.deny) add("--deny", prefix.text());
    for (const auto port : policy.targets.ports) add("--port", std::to_string(port));
    for (const auto& target : policy.targets.only) add("--only", target.text());
    for (const auto& service : policy.services) add("--service", service);
    if (!ca.empty()) add("--ca", ca);
    return words;
}

}  // namespace edge::launcher
