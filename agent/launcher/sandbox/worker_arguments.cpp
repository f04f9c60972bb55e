#include "agent/launcher/sandbox/worker_arguments.hpp"

namespace edge::launcher {

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
    for (const auto& service : policy.services) add("--service", service);
    if (!ca.empty()) add("--ca", ca);
    return words;
}

}  // namespace edge::launcher
