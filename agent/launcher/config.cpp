#include "agent/launcher/config.hpp"

#include <algorithm>
#include <array>
#include <map>

#include "agent/launcher/os/files.hpp"
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

void check_addresses(const Line& line, const std::string& at, TomlChecker& checker) {
    checker.need(!line.addresses.empty(), at + "/addresses", "addresses is missing; list the line's own addresses");
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
    checker.need(line.mark != 0, at + "/mark", "mark is missing; give each line its own, such as 0x101");
    checker.need(line.table != 0 && (line.table < 253 || line.table > 255), at + "/table",
                 "table must be a number of its own, such as 101; 0 and 253 to 255 belong to the system");
    check_addresses(line, at, checker);
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

}  // namespace

std::vector<Line> parse_lines(std::string_view text, const std::string& file, Problems& problems) {
    TomlChecker checker(text, file, problems);
    auto decoded = checker.read<LinesFile>();
    if (!decoded) return {};
    auto& lines = decoded->line;
    checker.need(!lines.empty(), "/line", "names no line; add a [[line]]");
    checker.need(lines.size() <= kMaxLines, "/line", "at most " + std::to_string(kMaxLines) + " lines");
    for (std::size_t i = 0; i < lines.size(); ++i) check_line(lines[i], "/line/" + std::to_string(i), checker);
    check_unique(lines, &Line::name, "name", checker);
    check_unique(lines, &Line::mark, "mark", checker);
    check_unique(lines, &Line::table, "table", checker);
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
    const auto& worker = policy.worker;
    checker.need(worker.cpu_percent >= 1 && worker.cpu_percent <= 6400, "/worker/cpu_percent",
                 "cpu_percent is 1 to 6400");
    checker.need(worker.memory_mb >= 8 && worker.memory_mb <= 65536, "/worker/memory_mb", "memory_mb is 8 to 65536");
    checker.need(worker.pids >= 1 && worker.pids <= 4096, "/worker/pids", "pids is 1 to 4096");
    return policy;
}

Config read_config(const std::string& dir, Problems& problems) {
    Config config;
    const std::string lines_file = dir + "/lines.toml";
    const std::string policy_file = dir + "/policy.toml";
    if (auto text = read_trusted_file(lines_file))
        config.lines = parse_lines(text.value(), lines_file, problems);
    else
        problems.push_back(text.error());
    if (auto text = read_trusted_file(policy_file)) {
        config.policy = parse_policy(text.value(), policy_file, problems);
        config.policy_text = std::move(text.value());
    } else {
        problems.push_back(text.error());
    }
    return config;
}

void share_out_uids(std::uint32_t uid_base, std::vector<Line>& lines) {
    const auto each = kWorkerUids / static_cast<std::uint32_t>(std::max<std::size_t>(lines.size(), 1));
    for (auto& line : lines) {
        line.uids = {uid_base, uid_base + each - 1};
        uid_base += each;
    }
}

std::vector<std::string> worker_arguments(const std::string& program, const Line& line, const Policy& policy,
                                          const std::string& ca) {
    std::vector<std::string> words{program, "worker", "--fd", "3", "--line", line.name, "--device", line.device};
    const auto add = [&](const char* flag, std::string value) {
        words.emplace_back(flag);
        words.push_back(std::move(value));
    };
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
