#include "broker/domain/list_query.hpp"

#include <algorithm>

#include "protocol/nearest.hpp"

namespace edge::broker {
namespace {

std::string words_of(std::span<const std::string> words) {
    constexpr std::size_t kMost = 12;  // nodes say what their labels are
    std::string text;
    for (const auto& word : words.first(std::min(kMost, words.size()))) text += (text.empty() ? "" : ", ") + word;
    return text + (words.size() > kMost ? ", …" : "");
}

Error unusable(const SelectorTerm& term, const std::string& detail) {
    return Error{Errc::bad_value, "/q", "\"" + term.text + "\": " + detail};
}

/// The value of a term whose key takes `names` of `E`; letters' case does not matter.
template <class E>
Result<E> one_of(const SelectorTerm& term, const std::vector<std::string>& names) {
    const auto at = std::ranges::find_if(names, [&](const auto& name) { return same_word(name, term.value); });
    if (at == names.end()) return no_such_value(term, names);
    return *enum_value<E>(*at);
}

template <class E>
Result<E> enum_of(const SelectorTerm& term) {
    return one_of<E>(term, names_of<E>());
}

/// Terms are ANDed, and nothing has two values: the second one would hide the first one.
Error second_value(const SelectorTerm& term) {
    return unusable(
        term, "\"" + std::string(term.negated ? "-" : "") + term.key + ":\" stands there already, with another value");
}

/// The field that a term whose key takes the names of `E` is kept in.
template <class E>
Result<> take_enum(std::optional<E>& field, const SelectorTerm& term) {
    EDGE_TRY(const auto value, enum_of<E>(term));
    if (field && *field != value) return second_value(term);
    field = value;
    return ok();
}

/// A revision that another took the place of is in no list.
Result<JobState> job_state(const SelectorTerm& term) {
    auto names = names_of<JobState>();
    std::erase(names, enum_text(JobState::replaced));
    return one_of<JobState>(term, names);
}

/// What runs and jobs have in common; `keys` are all of the list's. Errors: bad_value.
Result<> take_term(JobFilter& filter, const SelectorTerm& term, std::span<const std::string> keys) {
    if (std::ranges::find(keys, term.key) == keys.end()) return no_such_key(term, keys);
    if (term.key == "origin") return take_enum(term.negated ? filter.without : filter.origin, term);
    if (term.negated) return unusable(term, term.key + ": takes no '-' in this list");
    if (term.key != "target") return take_enum(filter.service, term);
    if (!filter.target.empty() && filter.target != term.value) return second_value(term);
    filter.target = term.value;
    return ok();
}

}  // namespace

Result<std::vector<SelectorTerm>> parse_list_query(std::string_view q) {
    if (q.find_first_not_of(" +") == std::string_view::npos) return std::vector<SelectorTerm>();
    auto selector = parse_selector(q);
    if (!selector) return Error{Errc::bad_value, "/q", selector.error().detail};
    if (selector.value().limit)
        return Error{Errc::bad_value, "/q", "limit: is of a job; a list has the parameter limit"};
    return std::move(selector.value().terms);
}

Error no_such_key(const SelectorTerm& term, std::span<const std::string> keys) {
    if (term.key.empty()) return unusable(term, "a word alone means nothing in this list; keys are " + words_of(keys));
    const std::string guess = did_you_mean(term.key, keys);
    return unusable(term,
                    "there is no key \"" + term.key + "\"" + (guess.empty() ? "; keys are " + words_of(keys) : guess));
}

Error no_such_value(const SelectorTerm& term, std::span<const std::string> values) {
    const std::string before = (term.negated ? "-" : "") + term.key + ":";
    return unusable(term, term.key + " is one of " + words_of(values) + did_you_mean(term.value, values, before));
}

Result<RunFilter> parse_run_filter(std::string_view q) {
    static const std::vector<std::string> kKeys{"service", "state", "target", "origin", "job"};
    EDGE_TRY(const auto terms, parse_list_query(q));
    RunFilter filter;
    for (const auto& term : terms) {
        if (term.key == "state" && !term.negated) {
            EDGE_TRY(take_enum(filter.state, term));
        } else if (term.key == "job" && !term.negated) {
            const auto id = JobId::parse(term.value);
            if (!id) return unusable(term, id.error().detail);
            if (filter.of_job && *filter.of_job != id.value()) return second_value(term);
            filter.of_job = id.value();
        } else {
            EDGE_TRY(take_term(filter.job, term, kKeys));
        }
    }
    return filter;
}

Result<JobFilter> parse_job_filter(std::string_view q) {
    static const std::vector<std::string> kKeys{"service", "target", "origin", "state"};
    EDGE_TRY(const auto terms, parse_list_query(q));
    JobFilter filter;
    for (const auto& term : terms) {
        if (term.key != "state") {
            EDGE_TRY(take_term(filter, term, kKeys));
        } else if (term.negated) {  // of these there may be several
            EDGE_TRY(const auto state, job_state(term));
            filter.not_in.push_back(state);
        } else {
            EDGE_TRY(const auto state, job_state(term));
            if (filter.state && *filter.state != state) return second_value(term);
            filter.state = state;
        }
    }
    return filter;
}

}  // namespace edge::broker
