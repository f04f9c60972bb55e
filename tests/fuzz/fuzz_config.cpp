// lines.toml, policy.toml, agent.toml and broker.toml: what a file may say, and all that may be wrong with it.
#include <set>

#include "agent/launcher/config.hpp"
#include "agent/launcher/lines/routing_plan.hpp"
#include "agent/settings.hpp"
#include "broker/config.hpp"
#include "tests/fuzz/property.hpp"

using namespace edge;

namespace {

void check(const std::vector<Error>& problems) {
    for (const Error& problem : problems) {
        fuzz::demand(problem.where.starts_with("f.toml"), "a problem says where");
        fuzz::demand(problem.message().find('\n') == std::string::npos, "a problem is one line");
    }
}

void check_lines(std::string_view text) {
    launcher::Problems problems;
    const auto lines = launcher::parse_lines(text, "f.toml", problems);
    check(problems);
    if (!problems.empty()) return;
    fuzz::demand(!lines.empty(), "a node has a line");
    std::set<std::uint32_t> marks, tables;
    for (const launcher::Line& line : lines) {
        fuzz::demand(line.mark != 0 && marks.insert(line.mark).second, "a line has a mark of its own");
        fuzz::demand(line.table != 0 && tables.insert(line.table).second, "and a table");
        fuzz::demand(line.device.size() < 16 && line.device.find('/') == std::string::npos, "and a device's name");
        for (const auto& word : launcher::worker_arguments("p", line, {}, "ca"))
            fuzz::demand(!word.empty() && word.find('\0') == std::string::npos, "an argument is a word");
    }
    const auto wanted = launcher::wanted_routing(lines, {});
    fuzz::demand(!wanted.rules.empty(), "a line without its device is closed by a rule");
    fuzz::demand(launcher::routing_changes(wanted, wanted).empty(), "what is wanted and there changes nothing");
}

void check_policy(std::string_view text) {
    launcher::Problems problems;
    const auto policy = launcher::parse_policy(text, "f.toml", problems);
    check(problems);
    if (problems.empty())
        fuzz::demand(policy.worker.pids > 0 && policy.worker.memory_mb >= 8 && policy.worker.cpu_percent > 0,
                     "a worker has room to live in");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text = fuzz::text_of(data, size);
    check_lines(text);
    check_policy(text);
    if (const auto settings = agent::parse_settings(text, "f.toml")) {
        fuzz::demand(settings.value().agent.state_dir.starts_with('/'), "paths are absolute");
    } else {
        fuzz::demand(!settings.error().empty(), "a file is refused for a reason");
        check(settings.error());
    }
    const auto [config, problems] = broker::read_config(text, "f.toml");
    check(problems);
    if (problems.empty()) {
        const auto listen = http::ListenAddress::parse(config.api.listen);
        fuzz::demand(bool(listen), "the API listens somewhere");
        fuzz::demand(config.api.tls || listen.value().is_loopback(), "without TLS only on loopback");
        fuzz::demand(bool(broker::host_of_url(config.gateway.public_url)), "agents find the gateway");
    }
    return 0;
}
