#include "broker/prometheus/fleet_series.hpp"

#include <set>

#include "protocol/json/described.hpp"

namespace edge::broker::prometheus {
namespace {

constexpr Metric kAgentUp{"edge_agent_up", Type::gauge, "Whether the node's agent is connected."};
constexpr Metric kNodeInfo{"edge_node_info", Type::gauge, "The node's agent, in labels."};
constexpr Metric kBusy{"edge_node_busy", Type::gauge, "Whether the node takes no new tasks for now."};
constexpr Metric kLinkRtt{"edge_node_link_rtt_seconds", Type::gauge, "Round trip between broker and agent."};
constexpr Metric kClock{"edge_node_clock_offset_seconds", Type::gauge, "The node's clock minus the broker's."};
constexpr Metric kLineUp{"edge_line_up", Type::gauge, "Whether the line is up, or degraded, and its node connected."};
constexpr Metric kLineState{"edge_line_state", Type::gauge, "1 with the state that the line is in."};

constexpr Metric kNodeCpu{"edge_node_cpu_ratio", Type::gauge, "Share of all processors that was busy in the interval."};
constexpr Metric kLoad{"edge_node_load1", Type::gauge, "Load average of a minute."};
constexpr Metric kMemory{"edge_node_memory_bytes", Type::gauge, "Memory of the machine."};
constexpr Metric kMemoryFree{"edge_node_memory_free_bytes", Type::gauge, "Memory that is free to be taken."};
constexpr Metric kDisk{"edge_node_disk_bytes", Type::gauge, "The file system of the agent's state."};
constexpr Metric kDiskFree{"edge_node_disk_free_bytes", Type::gauge, "What of it is free."};
constexpr Metric kPressure{"edge_node_pressure_ratio", Type::gauge,
                           "Share of ten seconds in which something waited for the resource."};
constexpr Metric kTold{"edge_node_usage_timestamp_seconds", Type::gauge, "When the node told its usage."};

constexpr Metric kSent{"edge_line_sent_bytes_per_second", Type::gauge, "Sent by probes in the node's last interval."};
constexpr Metric kReceived{"edge_line_received_bytes_per_second", Type::gauge,
                           "Received by probes in the node's last interval."};
constexpr Metric kDenied{"edge_line_denied_packets_per_second", Type::gauge,
                         "Packets to a target that the node's policy forbids."};
constexpr Metric kThrottled{"edge_line_throttled_packets_per_second", Type::gauge, "Packets beyond the line's budget."};
constexpr Metric kDay{"edge_line_day_bytes", Type::gauge, "Both ways in this UTC day, as the node counts them."};

constexpr Metric kSandboxCpu{"edge_sandbox_cpu_seconds_total", Type::counter, "Processor time of a live sandbox."};
constexpr Metric kSandboxMemory{"edge_sandbox_memory_bytes", Type::gauge, "Memory of a live sandbox."};
constexpr Metric kSandboxOom{"edge_sandbox_oom_kills_total", Type::counter,
                             "Processes of a live sandbox that the kernel killed for memory."};
constexpr Metric kSandboxThrottled{"edge_sandbox_cpu_throttled_seconds_total", Type::counter,
                                   "Time in which a live sandbox waited for its share of a processor."};

void write_node(Exposition& out, const NodeView& node) {
    const bool connected = node.state == NodeState::connected;
    const Labels labels{{"node", node.node.name.text()}};
    out.add(kAgentUp, labels, connected ? 1 : 0);
    out.add(kNodeInfo, {{"node", node.node.name.text()}, {"id", node.node.id.text()}, {"version", node.agent_version}},
            1);
    if (connected) out.add(kBusy, labels, node.busy.empty() ? 0 : 1);
    if (connected && node.rtt_us) out.add(kLinkRtt, labels, in_seconds(*node.rtt_us));
    if (connected && node.clock_offset_us) out.add(kClock, labels, static_cast<double>(*node.clock_offset_us) / 1e6);
    for (const auto& line : node.lines) {
        Labels of_line{{"node", node.node.name.text()}, {"line", line.name.text()}, {"carrier", line.carrier}};
        const bool up = line.state == link::LineState::up || line.state == link::LineState::degraded;
        out.add(kLineUp, of_line, connected && up ? 1 : 0);
        of_line.emplace_back("state", std::string(enum_text(line.state)));
        out.add(kLineState, of_line, 1);
    }
}

void write_host(Exposition& out, const UsageView& usage) {
    const Labels node{{"node", usage.node.name.text()}};
    const link::HostFacts& host = usage.facts.host;
    const auto ratio = [](std::uint32_t permille) { return static_cast<double>(permille) / 1000; };
    out.add(kTold, node, in_seconds(usage.told_at));
    if (host.cpu_permille) out.add(kNodeCpu, node, ratio(*host.cpu_permille));
    out.add(kLoad, node, ratio(host.load_permille));
    out.add(kMemory, node, static_cast<double>(host.memory_bytes));
    out.add(kMemoryFree, node, static_cast<double>(host.memory_free_bytes));
    out.add(kDisk, node, static_cast<double>(host.disk_bytes));
    out.add(kDiskFree, node, static_cast<double>(host.disk_free_bytes));
    const auto pressure = [&](const char* resource, const std::optional<std::uint32_t>& permille) {
        if (permille) out.add(kPressure, {{"node", usage.node.name.text()}, {"resource", resource}}, ratio(*permille));
    };
    pressure("cpu", host.cpu_pressure_permille);
    pressure("memory", host.memory_pressure_permille);
    pressure("io", host.io_pressure_permille);
}

void write_line(Exposition& out, const UsageView& usage, const link::LineUsage& line) {
    const Labels labels{{"node", usage.node.name.text()}, {"line", line.name.text()}};
    out.add(kDay, labels, static_cast<double>(line.day_bytes));
    if (usage.facts.interval_ms == 0) return;
    const auto rate = [&](std::uint64_t count) {
        return static_cast<double>(count) * 1000 / static_cast<double>(usage.facts.interval_ms);
    };
    out.add(kSent, labels, rate(line.sent_bytes));
    out.add(kReceived, labels, rate(line.received_bytes));
    out.add(kDenied, labels, rate(line.denied));
    out.add(kThrottled, labels, rate(line.throttled));
}

void write_sandbox(Exposition& out, const UsageView& usage, const link::SandboxUsage& sandbox) {
    const Labels labels{
        {"node", usage.node.name.text()}, {"line", sandbox.line.text()}, {"worker", std::to_string(sandbox.worker)}};
    out.add(kSandboxCpu, labels, in_seconds(sandbox.cpu_us));
    out.add(kSandboxThrottled, labels, in_seconds(sandbox.throttled_us));
    out.add(kSandboxMemory, labels, static_cast<double>(sandbox.memory_bytes));
    out.add(kSandboxOom, labels, static_cast<double>(sandbox.oom_kills));
}

/// By the thing's key; a node may name one twice, and Prometheus refuses a scrape with two of the same series.
template <class Thing, class Key, class Write>
void each_once(const std::vector<Thing>& things, Key key, Write write) {
    std::set<decltype(key(things.front()))> seen;
    for (const auto& thing : things) {
        if (seen.insert(key(thing)).second) write(thing);
    }
}

}  // namespace

void write_nodes(Exposition& out, const std::vector<NodeView>& nodes) {
    for (const auto& node : nodes) {
        if (is_of_fleet(node.state)) write_node(out, node);
    }
}

void write_usages(Exposition& out, const std::vector<NodeView>& nodes, const std::vector<UsageView>& usages) {
    std::set<NodeId> here;
    for (const auto& node : nodes) {
        if (node.state == NodeState::connected) here.insert(node.node.id);
    }
    for (const auto& usage : usages) {
        if (!here.contains(usage.node.id)) continue;
        write_host(out, usage);
        each_once(
            usage.facts.lines, [](const auto& line) { return line.name; },
            [&](const auto& line) { write_line(out, usage, line); });
        each_once(
            usage.facts.sandboxes, [](const auto& one) { return std::pair(one.line, one.worker); },
            [&](const auto& one) { write_sandbox(out, usage, one); });
    }
}

}  // namespace edge::broker::prometheus
