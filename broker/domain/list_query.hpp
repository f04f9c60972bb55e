// What `q` of a list says, in the selector's grammar. A word that a list does not know is a slip: it would answer an
// empty list, and hide what was asked for. Pure.
#pragma once
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "broker/domain/selector.hpp"
#include "broker/domain/views.hpp"
#include "protocol/json/described.hpp"

namespace edge::broker {

/// Every name of an enumeration.
template <class E>
std::vector<std::string> names_of() {
    std::vector<std::string> names;
    boost::mp11::mp_for_each<boost::describe::describe_enumerators<E>>(
        [&names](auto d) { names.emplace_back(enum_text(static_cast<E>(d.value))); });
    return names;
}

/// None for an empty `q`, and for `all`. Errors: bad_value, where /q.
Result<std::vector<SelectorTerm>> parse_list_query(std::string_view q);

/// Errors, bad_value where /q: `term` has a key that is none of `keys`, or a value that is none of `values`.
Error no_such_key(const SelectorTerm& term, std::span<const std::string> keys);
Error no_such_value(const SelectorTerm& term, std::span<const std::string> values);

/// Errors: bad_value, where /q.
Result<RunFilter> parse_run_filter(std::string_view q);
Result<JobFilter> parse_job_filter(std::string_view q);

}  // namespace edge::broker
