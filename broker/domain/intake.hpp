// What live sessions send: acknowledgements, progress, lines, and above all results. A result is stored once, whatever
// is sent twice, late or by somebody else.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "broker/domain/conclusion.hpp"
#include "broker/domain/dispatch.hpp"
#include "broker/domain/plan_runs.hpp"
#include "broker/domain/recovery.hpp"
#include "broker/domain/sessions.hpp"

namespace edge::broker {

class Intake {
  public:
    Intake(DomainState& state, Dispatch& dispatch, Sessions& sessions, NodeKeys& keys, Recovery& recovery,
           PlanRuns& plans)
        : state_(state), dispatch_(dispatch), sessions_(sessions), keys_(keys), recovery_(recovery), plans_(plans) {}

    void receive(SessionId id, std::vector<link::Received> message, Now now, Actions& out);
    /// Answers LookUp.
    void looked_up(SessionId id, const LookedUp& found, Now now, Actions& out);

  private:
    enum class Flow { on, stop };

    void take_parked(Session& session, const LookedUp& found, Now now, Actions& out);
    std::optional<LookUp> unknowns(Session& session, const std::vector<link::Received>& message) const;
    void take_early_ones(Session& session, std::vector<link::Received>& message, Now now, Actions& out);
    static void keep_parked(Session& session, std::vector<link::Received> message);
    void park(Session& session, std::vector<link::Received> message, LookUp asked, Actions& out);
    /// stop: the session is closed.
    Flow process(Session& session, std::vector<link::Received> message, Now now, Actions& out);
    Flow take(Session& session, link::Received& received, Conclusion& conclusion, Now now, Actions& out);
    Flow take_result(Session& session, link::Received& received, Conclusion& conclusion, Now now, Actions& out);
    void take_early(Session& session, link::Received& received, Conclusion& conclusion);
    void store_result(Session& session, Task& task, link::Received& received, Conclusion& conclusion, Actions& out);
    void keep_result(Session& session, Task& task, link::Received& received, Conclusion& conclusion);
    void refuse(Session& session, const link::TaskResult& result, Conclusion& conclusion, Now now, Actions& out);
    Task* owner_of(const Session& session, const link::TaskResult& result) const;
    static bool is_rid_reused(const Session& session, const ResultId& rid);
    void acknowledge(SessionId id, Spool& spool, std::uint64_t n, std::uint64_t bytes, Now now, Actions& out);

    DomainState& state_;
    Dispatch& dispatch_;
    Sessions& sessions_;
    NodeKeys& keys_;
    Recovery& recovery_;
    PlanRuns& plans_;
};

/// How a task ends whose attempt answered this.
TaskState end_of(const link::TaskResult& result);

}  // namespace edge::broker
