// The lines that a job asks: what its selector names, without those that would refuse it. Pure.
#pragma once
#include <vector>

#include "broker/domain/fleet.hpp"
#include "broker/domain/views.hpp"

namespace edge::broker {

struct Choice {
    std::vector<Chosen> lines;
    RunNotes notes;
};

/// Errors: bad_value.
Result<> check_terms(const JobTerms& terms);

/// Of the selector, as its `limit` says.
enum class Limit { kept, ignored };

/// Errors: bad_value, not_found (as Fleet::choose says), denied (every line was left out; detail says why).
/// `only`: of this node's lines; the limit is no matter then.
Result<Choice> choose_lines(const Fleet& fleet, std::string_view selector, const ProbeSpec& spec, EnforcedBy least,
                            const Node* only = nullptr, Limit limit = Limit::kept);

/// How long a task of it may take, from its start: its own timeouts, and a hand-over on a busy machine; less, if the
/// job says so.
std::uint32_t run_within_ms(const ProbeSpec& spec, const JobTerms& terms);

}  // namespace edge::broker
