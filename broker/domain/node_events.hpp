// What is worth telling of a node and its lines later: the difference between what was and what is.
#pragma once
#include <vector>

#include "broker/domain/actions.hpp"
#include "broker/domain/entities.hpp"

namespace edge::broker {

/// The node's next event, for its batch.
AddEvent event_of(Node& node, WallTime at, NodeEventKind kind);

/// The node's lines become these; an event and a note for each state and identity that is another now. Lines without
/// health (a hello has no room for it) keep what was known while their state is the same.
void change_lines(Node& node, std::vector<link::LineReport> lines, WallTime at, Batch& batch, Actions& out);

/// What its new session is on, the texts cut to what is kept; an event and a note where that is another uplink than the
/// last session's.
void change_uplink(Node& node, std::optional<link::Uplink> uplink, WallTime at, Batch& batch, Actions& out);

}  // namespace edge::broker
