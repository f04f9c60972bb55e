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

/// Does this one term match, whether it is negated or not?
bool matches(const Candidate& candidate, const SelectorTerm& term);
/// Are they the same word? Letters' case does not matter.
bool same_word(std::string_view a, std::string_view b);
/// Do all terms match this one line? The limit is no matter here.
bool matches(const Selector& selector, const Candidate& candidate);

/// Indices of the candidates that all terms match, ascending; the limit is for spread(), once it is known which of them
/// may be asked. Errors: not_found, with the nearest word there is.
Result<std::vector<std::size_t>> select(const Selector& selector, std::span<const Candidate> candidates);

/// Indices of `limit` of the lines whose nodes these are, ascending: one line of every node, then a second one of every
/// node, and so on; of the last such round as many as are still wanted, at even distances. Nodes take turns in which of
/// their lines comes first.
std::vector<std::size_t> spread(std::span<const std::string_view> nodes, std::size_t limit);

}  // namespace edge::broker
