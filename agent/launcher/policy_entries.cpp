#include "agent/launcher/policy_entries.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "agent/launcher/packets.hpp"

namespace edge::launcher {

std::vector<PolicyEntry> policy_entries(const Policy& policy) {
    std::vector<PolicyEntry> entries;
    for (const auto& service : policy.services) {
        auto& entry = entries.emplace_back(PolicyEntry{.fact = PolicyFact::service});
        std::memcpy(entry.text, service.data(), std::min(service.size(), sizeof entry.text - 1));
    }
    const auto add = [&](PolicyFact fact, std::uint64_t number, Address address = {}) {
        entries.push_back({.fact = fact, .address = address, .text = {}, .number = number});
    };
    for (const auto& prefix : policy.targets.allow) add(PolicyFact::allow, prefix.length, to_wire(prefix.address));
    for (const auto& prefix : policy.targets.deny) add(PolicyFact::deny, prefix.length, to_wire(prefix.address));
    for (const auto port : policy.targets.ports) add(PolicyFact::port, port);
    for (const auto& open : policy.targets.only) add(PolicyFact::only, open.port, to_wire(open.address));
    add(PolicyFact::line_bytes_per_s, policy.line.bytes_per_s);
    add(PolicyFact::line_packets_per_s, policy.line.packets_per_s);
    add(PolicyFact::line_bytes_per_day, policy.line.bytes_per_day);
    add(PolicyFact::line_p95_bytes_per_s, policy.line.p95_bytes_per_s);
    add(PolicyFact::destination_probes_per_s, policy.destination.probes_per_s);
    add(PolicyFact::destination_burst, policy.destination.burst);
    add(PolicyFact::worker_cpu_percent, policy.worker.cpu_percent);
    add(PolicyFact::worker_memory_mb, policy.worker.memory_mb);
    add(PolicyFact::worker_pids, policy.worker.pids);
    add(PolicyFact::host_cpu_pressure_percent, policy.host.cpu_pressure_percent);
    add(PolicyFact::host_memory_pressure_percent, policy.host.memory_pressure_percent);
    add(PolicyFact::host_load_per_cpu_percent, policy.host.load_per_cpu_percent);
    return entries;
}

Result<PolicyPart> policy_part(const std::vector<PolicyEntry>& entries, std::uint32_t part) {
    PolicyPart answer;
    answer.parts = static_cast<std::uint32_t>((entries.size() + kPolicyEntries - 1) / kPolicyEntries);
    answer.part = part;
    if (part >= answer.parts)
        return Error{Errc::not_found, "policy part " + std::to_string(part), "there is none", ENOENT};
    const std::size_t from = std::size_t{part} * kPolicyEntries;
    std::copy_n(entries.begin() + static_cast<std::ptrdiff_t>(from),
                std::min<std::size_t>(kPolicyEntries, entries.size() - from), answer.entries);
    return answer;
}

}  // namespace edge::launcher
