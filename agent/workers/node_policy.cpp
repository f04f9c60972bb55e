#include "agent/workers/node_policy.hpp"

#include <algorithm>
#include <cstring>
#include <limits>

#include "agent/workers/lines.hpp"
#include "protocol/json/bounded.hpp"
#include "protocol/targets/target_port.hpp"

namespace edge::agent {
namespace {

using launcher::PolicyFact;

/// The field of a number, or nothing where the fact is none.
template <class Put>
void put_number(PolicyFact fact, link::Policy& policy, Put put) {
    switch (fact) {
        case PolicyFact::line_bytes_per_s:
            return put(policy.line.bytes_per_s);
        case PolicyFact::line_packets_per_s:
            return put(policy.line.packets_per_s);
        case PolicyFact::line_bytes_per_day:
            return put(policy.line.bytes_per_day);
        case PolicyFact::line_p95_bytes_per_s:
            return put(policy.line.p95_bytes_per_s);
        case PolicyFact::destination_probes_per_s:
            return put(policy.destination.probes_per_s);
        case PolicyFact::destination_burst:
            return put(policy.destination.burst);
        case PolicyFact::worker_cpu_percent:
            return put(policy.worker.cpu_percent);
        case PolicyFact::worker_memory_mb:
            return put(policy.worker.memory_mb);
        case PolicyFact::worker_pids:
            return put(policy.worker.pids);
        case PolicyFact::host_cpu_pressure_percent:
            return put(policy.host.cpu_pressure_percent);
        case PolicyFact::host_memory_pressure_percent:
            return put(policy.host.memory_pressure_percent);
        case PolicyFact::host_load_per_cpu_percent:
            return put(policy.host.load_per_cpu_percent);
        default:
            return;
    }
}

}  // namespace

void add_entries(const launcher::PolicyPart& part, link::Policy& policy) {
    for (const auto& entry : part.entries) {
        if (entry.fact == PolicyFact::service) {
            policy.services.emplace_back(entry.text, strnlen(entry.text, sizeof entry.text));
        } else if (entry.fact == PolicyFact::port) {
            policy.targets.ports.push_back(static_cast<std::uint16_t>(entry.number));
        } else if (entry.fact == PolicyFact::allow || entry.fact == PolicyFact::deny) {
            auto& list = entry.fact == PolicyFact::allow ? policy.targets.allow : policy.targets.deny;
            list.push_back(address_text(entry.address) + "/" + std::to_string(entry.number));
        } else if (entry.fact == PolicyFact::only) {
            if (const auto ip = IpAddress::parse(address_text(entry.address)))
                policy.targets.only.push_back(TargetPort{ip.value(), static_cast<std::uint16_t>(entry.number)}.text());
        } else {
            put_number(entry.fact, policy, [&]<class Number>(Number& field) {
                // Beyond what the link carries it is no limit that a line could feel.
                field = static_cast<Number>(std::min<std::uint64_t>(
                    entry.number, std::min<std::uint64_t>(std::numeric_limits<Number>::max(), kLargestInteger)));
            });
        }
    }
}

}  // namespace edge::agent
