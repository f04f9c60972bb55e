#include "agent/launcher/config.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <sstream>

#include "agent/launcher/line_checks.hpp"
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
    check_lines(lines, checker);
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

Config read_config(const std::string& dir, const Started& started, Problems& problems) {
    Config config;
    const std::string lines_file = dir + "/lines.toml";
    const std::string policy_file = dir + "/policy.toml";
    ConfigTexts texts{lines_file, {}, policy_file, {}};
    const uid_t user = started.privileges == Privileges::none ? ::geteuid() : 0;
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
    if (!config.lines.empty()) {
        TomlChecker lines(texts.lines, lines_file, problems);
        check_startable(config.lines, started, lines);
    }
    if (started.guard == GuardChoice::cooperative && config.policy.line.any())
        TomlChecker(texts.policy, policy_file, problems)
            .need(false, "/line",
                  "[line] limits what --guard cooperative does not count; take it out, or choose another guard");
    if (started.privileges == Privileges::none) config.policy.worker = {0, 0, 0};  // nobody would hold them
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
