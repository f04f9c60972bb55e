// `carrier:ct province:guangdong -node:gz-1 limit:10`: which lines of which nodes. One grammar in API, CLI and console.
// Space or `+` is AND, `-` negates, `all` is everything. `key:value` compares line, carrier, node or a label of the
// node; a bare word matches a line, carrier, province, city or node of that name. Letters' case does not matter. A
// term that no line matches is an error, negated or not. `limit:N` keeps N lines, spread over the nodes, the same N for
// the same fleet.
#pragma once
#include <cstddef>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/result.hpp"

namespace edge::broker {

/// A line that could be chosen. Views into the fleet, for the time of one call.
struct Candidate {
    std::string_view node;
    std::string_view line;
    std::string_view carrier;
    const std::map<std::string, std::string>* labels = nullptr;
};

struct SelectorTerm {
    std::string key;  // empty: a bare word
    std::string value;
    bool negated = false;
    std::string text;  // as typed, for messages
};

struct Selector {
    std::vector<SelectorTerm> terms;  // none: all
    std::optional<std::size_t> limit;
};

/// Errors: bad_value, where `/selector`, detail with the character it is about (counted from 1).
Result<Selector> parse_selector(std::string_view text);

/// Indices of the chosen candidates, ascending. Errors: not_found, with the nearest word there is.
Result<std::vector<std::size_t>> select(const Selector& selector, std::span<const Candidate> candidates);

}  // namespace edge::broker
