// What an operator decides about a node: revoke, approve, reject, a new key.
#pragma once
#include <string>

#include "broker/domain/enrolment.hpp"
#include "broker/domain/sessions.hpp"

namespace edge::broker {

class NodeOrders {
  public:
    NodeOrders(DomainState& state, Sessions& sessions, PlanTargets& targets, const Enrolment& enrolment)
        : state_(state), sessions_(sessions), targets_(targets), enrolment_(enrolment) {}

    /// It holds from now on, so that nothing written later says otherwise; it is answered, told and carried out on a
    /// live session once it is stored.
    void give(Ticket ticket, Node& node, NodeOrder order, std::string reason, TokenId by, Now now, Actions& out);

  private:
    void revoke(Ticket ticket, Node& node, std::string reason, TokenId by, Now now, Actions& out);
    void approve(Ticket ticket, Node& node, TokenId by, Now now, Actions& out);
    void rotate_key(Ticket ticket, Node& node, TokenId by, Now now, Actions& out);
    void write(Ticket ticket, Node& node, Batch batch, Now now, Actions& out);

    DomainState& state_;
    Sessions& sessions_;
    PlanTargets& targets_;
    const Enrolment& enrolment_;
};

}  // namespace edge::broker
