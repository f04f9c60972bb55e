// A store that is older than what nodes know. Until somebody says that it was restored they are refused. After that
// results of tasks that it does not know, because they were made after the backup, make their own task for a while, and
// its run where that is unknown too; and what nobody has any more is noted.
#pragma once
#include "broker/domain/conclusion.hpp"
#include "broker/domain/domain_state.hpp"

namespace edge::broker {

class Recovery {
  public:
    explicit Recovery(DomainState& state) : state_(state) {}

    /// The node has not joined yet since the store was restored.
    bool is_due(const Node& node) const { return node.record.joined_in != state_.generation.row; }
    /// … and joins now: what its spool holds, and what it is running, may be of unknown tasks. What is left of that
    /// when its spool is another one later goes along; it is the node's, and is not given twice.
    void begin(const Node& node, Spool& spool, const link::Hello& hello) const;
    /// The session that begin() was for is confirmed: what its node's other spools gave is to be stored with it.
    static void confirm(const Node& node, Batch& batch);
    /// The answer to a node that is ahead of the store, which nobody said was restored. Told once.
    link::Reject refuse(Node& node, const link::Hello& hello, Now now, Actions& out) const;
    /// What the node's spool does not hold any more and the store does not have will not come: the sequence goes on
    /// behind it.
    void note_gap(Session& session, Now now, Batch& batch, Actions& out) const;
    /// The result with this number may be of an unknown task.
    static bool is_open(const Spool& spool, std::uint64_t n) {
        return n <= spool.record.recover_upto || spool.record.recover_more > 0;
    }
    /// The task that this result ends, which nobody else's task is; made, and given to the conclusion, where it was
    /// unknown. nullptr: the result is not this node's, or of a run that is known whole.
    Task* task_of(Session& session, const link::TaskResult& result, Conclusion& conclusion, Now now);

  private:
    RunPtr make_run(const link::TaskResult& result, TaskRecord task, Conclusion& conclusion, Now now);

    DomainState& state_;
};

}  // namespace edge::broker
