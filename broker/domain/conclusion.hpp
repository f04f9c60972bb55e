// Ends of tasks and results that are written together, in one transaction with their runs' counters, and shown when it
// is committed: task, result, and the run when it was the last.
#pragma once
#include <memory>
#include <vector>

#include "broker/domain/domain_state.hpp"

namespace edge::broker {

class Conclusion {
  public:
    explicit Conclusion(DomainState& state) : state_(state) {}

    /// Written with the rest: a task that was just made, before its end; an audit.
    void add(Change change) { batch_.push_back(std::move(change)); }
    /// The task is over. `attempt`: the one whose result says so, 0 when there is none.
    void end(Task& task, TaskState how, std::uint32_t attempt);
    /// A result, of a task that `end` was called for or of an attempt that lost.
    void record(Task& task, const Spool& spool, std::shared_ptr<const ResultView> result);
    /// All results of this spool up to what was received are in here or stored.
    void received(Spool& spool);

    bool empty() const { return batch_.empty(); }
    /// `then` runs after the commit, when everything above is shown. The conclusion is used up.
    void write(Now now, Actions& out, Journal::Then then = nullptr);

  private:
    struct Item {
        RunPtr run;
        Task* task = nullptr;
        TaskState was{};
        std::optional<TaskState> state;  // its end
        std::shared_ptr<const ResultView> result;
    };
    void touch(const RunPtr& run);
    void count();
    static void show(const DomainState& state, const std::vector<Item>& items, Actions& out);
    static void finish(DomainState& state, const std::vector<RunPtr>& runs, Actions& out);

    DomainState& state_;
    Batch batch_;
    std::vector<Item> items_;
    std::vector<RunPtr> touched_;
};

}  // namespace edge::broker
