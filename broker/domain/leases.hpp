// A node that is away keeps its tasks for so long; what becomes of them then its jobs say.
#pragma once
#include <span>
#include <utility>
#include <vector>

#include "broker/domain/domain_state.hpp"

namespace edge::broker {

class Dispatch;

class Leases {
  public:
    Leases(DomainState& state, Dispatch& dispatch) : state_(state), dispatch_(dispatch) {}

    /// Of the task's node, which is away; nothing if the task waits for it, or the lease has begun.
    void arm(const Task& task, Now now);
    /// The node is back.
    void end(Node& node);

  private:
    /// `due`: of the node, those that ended with it.
    void passed(Node& node, std::span<const TaskId> due, Now now, Actions& out);
    void begin_elsewhere(const std::vector<std::pair<RunPtr, TaskRecord>>& made, Now now, Actions& out);

    DomainState& state_;
    Dispatch& dispatch_;
};

}  // namespace edge::broker
