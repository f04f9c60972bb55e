// What a node told of itself: the latest, and a short history. Bounded, and in memory only: a minute's figures of every
// node are not worth a write each. Pure.
#pragma once
#include <deque>

#include "broker/domain/views.hpp"

namespace edge::broker {

inline constexpr const char* kTooManyFacts = "facts name at most 32 lines and 256 sandboxes";

class NodeUsage {
  public:
    static constexpr std::size_t kMostPoints = 30;
    enum class Detail { latest, history };

    /// False: there is too much of it, and nothing was changed.
    bool take(link::Facts facts, WallTime now);
    /// 0: nothing was told yet.
    WallTime told_at() const { return told_at_; }
    const link::Facts& facts() const { return facts_; }
    UsageView view(NodeRef node, Detail detail) const;

  private:
    WallTime told_at_ = 0;
    link::Facts facts_;
    std::deque<UsagePoint> history_;  // the oldest first
};

}  // namespace edge::broker
