// Whom recurring jobs ask, and what nodes are told of it: a node's plan is brought to what it should be, whether the
// node is there or comes later.
#pragma once
#include <string>

#include "broker/domain/dispatch.hpp"
#include "broker/domain/domain_state.hpp"

namespace edge::broker {

class PlanTargets {
  public:
    PlanTargets(DomainState& state, Dispatch& dispatch) : state_(state), dispatch_(dispatch) {}

    /// Looks at all nodes. What its selector does not name is no error here: a node may come.
    void resolve(Revision& revision, Now now, Actions& out);
    /// It is paused, over or replaced. `lines` stay: nodes that are away go by it for a while.
    void withdraw(Revision& revision, Now now, Actions& out);
    /// Of one node.
    void withdraw_from(Revision& revision, NodeRow node, Now now, Actions& out);
    /// Its lines, labels or policy may be others, or it may not be asked any more.
    void node_changed(Node& node, Now now, Actions& out);
    /// Its session is confirmed: what it said it has is compared with what it should have.
    void confirmed(Session& session, Now now, Actions& out);

  private:
    void put(Revision& revision, Node& node, std::vector<LineRef> lines);
    void tell(Node& node, link::PlanChange change);
    link::PlanSet content(const Revision& revision, const std::vector<LineRef>& lines) const;
    void send(Node& node, Now now, Actions& out);
    void resolve_limited(Now now, Actions& out);

    DomainState& state_;
    Dispatch& dispatch_;
    bool limited_waits_ = false;  // jobs with limit:N are looked at anew in a moment
};

}  // namespace edge::broker
