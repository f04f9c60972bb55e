// Lists of nodes and lines: those that match, in an order, a page at a time. The selector's grammar, with `state:` and
// `version:` beside it. Unlike a selector's, a term that nothing matches is no error, but a key that is neither a field
// nor a label of any node is, and so is a state or carrier that cannot be. A node matches a term of a line when one of
// its lines does, and a negated one when none does. Pure.
#pragma once
#include <optional>

#include "broker/domain/fleet.hpp"

namespace edge::broker {

/// Sorted by name, state, last_seen_at, enrolled_at, province, city, version, rtt or lines (how many).
/// Errors: bad_value, where /q, /sort or /cursor.
Result<Page<NodeView>> find_nodes(const Fleet& fleet, const ListRequest& list);

/// Sorted by name (node/line), line, carrier, state, province, city or last_seen_at.
/// Errors: bad_value, where /q, /sort or /cursor.
Result<Page<LineView>> find_lines(const Fleet& fleet, const ListRequest& list);

/// What a job would ask. Errors: bad_value, where /q.
Result<SelectionView> count_selection(const Fleet& fleet, std::string_view selector, std::optional<Service> service);

}  // namespace edge::broker
