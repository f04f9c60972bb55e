#include "broker/domain/node_usage.hpp"

#include "protocol/cut_text.hpp"

namespace edge::broker {
namespace {

constexpr std::size_t kMostUsageLines = 32;
constexpr std::size_t kMostSandboxes = 256;
constexpr std::size_t kLongestReason = 256;

}  // namespace

bool NodeUsage::take(link::Facts facts, WallTime now) {
    if (facts.lines.size() > kMostUsageLines || facts.sandboxes.size() > kMostSandboxes) return false;
    cut_text(facts.host.busy, kLongestReason);
    UsagePoint point{.told_at = now,
                     .interval_ms = facts.interval_ms,
                     .cpu_permille = facts.host.cpu_permille,
                     .memory_free_bytes = facts.host.memory_free_bytes,
                     .sent_bytes = sent_bytes(facts),
                     .received_bytes = received_bytes(facts)};
    if (history_.size() == kMostPoints) history_.pop_front();
    history_.push_back(point);
    told_at_ = now;
    facts_ = std::move(facts);
    return true;
}

UsageView NodeUsage::view(NodeRef node, Detail detail) const {
    UsageView view{.node = std::move(node), .told_at = told_at_, .facts = facts_, .history = {}};
    if (detail == Detail::history) view.history.assign(history_.begin(), history_.end());
    return view;
}

}  // namespace edge::broker
