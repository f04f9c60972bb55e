#include "agent/host/minute_facts.hpp"

namespace edge::agent {
namespace {

using link::LineUsage;

LineUsage since(const LineUsage& before, const LineUsage& total) {
    LineUsage delta = total;
    if (total.sent_packets < before.sent_packets || total.received_packets < before.received_packets) return delta;
    for (auto field : {&LineUsage::sent_bytes, &LineUsage::sent_packets, &LineUsage::received_bytes,
                       &LineUsage::received_packets, &LineUsage::denied, &LineUsage::throttled})
        delta.*field -= before.*field;
    return delta;
}

}  // namespace

link::Facts MinuteFacts::make(const link::HostFacts& host, std::vector<LineUsage> totals,
                              std::vector<link::SandboxUsage> sandboxes, Moment now) {
    link::Facts facts{
        .at_us = now.wall_us, .interval_ms = 0, .host = host, .lines = {}, .sandboxes = std::move(sandboxes)};
    if (last_)
        facts.interval_ms = static_cast<std::uint32_t>(
            std::chrono::duration_cast<std::chrono::milliseconds>(now.steady - *last_).count());
    last_ = now.steady;
    for (const LineUsage& total : totals) {
        const auto before = before_.find(total.name);
        facts.lines.push_back(before == before_.end() ? total : since(before->second, total));
        before_.insert_or_assign(total.name, total);
    }
    return facts;
}

}  // namespace edge::agent
