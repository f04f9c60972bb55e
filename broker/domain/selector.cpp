#include "broker/domain/selector.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <set>

#include "protocol/nearest.hpp"

namespace edge::broker {
namespace {

constexpr std::size_t kMostText = 1'024;
constexpr std::size_t kMostTerms = 64;
constexpr std::size_t kMostLines = 100'000;
constexpr std::array<std::string_view, 5> kBareKeys{"line", "carrier", "province", "city", "node"};

char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

Error wrong(std::size_t position, const std::string& what) {
    return Error{Errc::bad_value, "/selector", "at character " + std::to_string(position + 1) + ": " + what};
}

bool is_key(std::string_view key) {
    return !key.empty() && std::all_of(key.begin(), key.end(), [](char c) {
        const char l = lower(c);
        const bool beyond_ascii = static_cast<unsigned char>(c) >= 0x80;
        return (l >= 'a' && l <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.' || c == '/' ||
               beyond_ascii;
    });
}

Result<std::size_t> parse_limit(std::string_view value, std::size_t position) {
    std::size_t limit = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), limit);
    if (error != std::errc() || end != value.data() + value.size() || limit < 1 || limit > kMostLines) {
        return wrong(position, "limit: takes a number from 1 to " + std::to_string(kMostLines));
    }
    return limit;
}

/// One term, with its '-' if it has one; `position` is where it begins.
Result<> add_term(Selector& selector, std::string_view term, std::size_t position) {
    SelectorTerm out{.key = {}, .value = {}, .negated = term.front() == '-', .text = std::string(term)};
    const std::string_view body = term.substr(out.negated ? 1 : 0);
    const std::size_t at = position + (out.negated ? 1 : 0);
    if (body.empty()) return wrong(position, "'-' needs a term after it");
    const auto colon = body.find(':');
    if (colon == std::string_view::npos) {
        if (same_word(body, "all")) {
            if (out.negated) return wrong(position, "-all leaves nothing");
            return ok();
        }
        out.value = body;
    } else {
        out.key = body.substr(0, colon);
        std::transform(out.key.begin(), out.key.end(), out.key.begin(), lower);
        out.value = body.substr(colon + 1);
        if (!is_key(out.key)) return wrong(at, "a key is letters, digits, '-', '_', '.' and '/'");
        if (out.value.empty()) return wrong(at + colon + 1, "a value is missing after \"" + out.key + ":\"");
    }
    if (out.key == "limit") {
        if (out.negated) return wrong(position, "limit: cannot be negated");
        if (selector.limit) return wrong(position, "limit: stands twice");
        EDGE_TRY(selector.limit, parse_limit(out.value, at + colon + 1));
        return ok();
    }
    if (selector.terms.size() == kMostTerms)
        return wrong(position, "more than " + std::to_string(kMostTerms) + " terms");
    selector.terms.push_back(std::move(out));
    return ok();
}

std::string_view value_of(const Candidate& candidate, std::string_view key) {
    if (key == "line") return candidate.line;
    if (key == "carrier") return candidate.carrier;
    if (key == "node") return candidate.node;
    for (const auto& [name, value] : *candidate.labels) {
        if (same_word(name, key)) return value;
    }
    return {};
}

bool matches_any(std::span<const Candidate> candidates, const SelectorTerm& term) {
    return std::any_of(candidates.begin(), candidates.end(), [&](const Candidate& one) { return matches(one, term); });
}

std::vector<std::string> values_of(std::span<const Candidate> candidates, std::string_view key) {
    std::set<std::string> values;
    for (const auto& one : candidates) {
        const auto value = value_of(one, key);
        if (!value.empty()) values.emplace(value);
    }
    return {values.begin(), values.end()};
}

std::vector<std::string> keys_of(std::span<const Candidate> candidates) {
    std::set<std::string> keys{"line", "carrier", "node"};
    for (const auto& one : candidates) {
        for (const auto& [name, value] : *one.labels) keys.insert(name);
    }
    return {keys.begin(), keys.end()};
}

std::string listed(const std::vector<std::string>& words) {
    constexpr std::size_t kMost = 8;
    std::string text;
    for (std::size_t i = 0; i < std::min(kMost, words.size()); ++i) text += (i == 0 ? "" : ", ") + words[i];
    return text + (words.size() > kMost ? ", …" : "");
}

constexpr const char* kNoOr = "there is no \"or\": ask for each, or leave others out as in \"all -mobile\"";

/// `gz-1/telecom` and `telecom,unicom`: what other grammars have.
std::string advice_on_grammar(const SelectorTerm& term, std::span<const Candidate> candidates) {
    const auto slash = term.value.find('/');
    const SelectorTerm node{.key = "node", .value = term.value.substr(0, slash), .negated = false, .text = {}};
    if (slash != std::string::npos && term.key.empty() && !term.negated && matches_any(candidates, node))
        return "; a line of one node is two terms, \"node:" + node.value + " line:" + term.value.substr(slash + 1) +
               "\"";
    if (term.value.find_first_of(",|") != std::string::npos)
        return std::string("; terms stand apart by spaces and all of them must match, ") + kNoOr;
    return {};
}

/// Why a term that nothing matches is likely wrong.
std::string advice(const SelectorTerm& term, std::span<const Candidate> candidates) {
    const std::string begin = "nothing matches \"" + term.text + "\"";
    if (auto said = advice_on_grammar(term, candidates); !said.empty()) return begin + said;
    const std::string before = (term.negated ? "-" : "") + (term.key.empty() ? "" : term.key + ":");
    if (term.key.empty()) {
        std::vector<std::string> words;
        for (const auto key : kBareKeys) {
            for (auto& value : values_of(candidates, key)) words.push_back(std::move(value));
        }
        const std::string guess = did_you_mean(term.value, words, before);
        return begin + (guess.empty() ? "; lines: " + listed(values_of(candidates, "line")) +
                                            "; carriers: " + listed(values_of(candidates, "carrier"))
                                      : guess);
    }
    const auto values = values_of(candidates, term.key);
    if (values.empty()) {
        const auto keys = keys_of(candidates);
        const std::string guess = did_you_mean(term.key, keys);
        return begin + ": no node has a label \"" + term.key + "\"" +
               (guess.empty() ? "; there are " + listed(keys) : guess);
    }
    const std::string guess = did_you_mean(term.value, values, before);
    return begin + (guess.empty() ? "; " + term.key + " is one of " + listed(values) : guess);
}

/// Why no line matches all the terms, each of which some line matches.
std::string contradiction(const std::vector<SelectorTerm>& terms, std::span<const Candidate> candidates) {
    for (auto one = terms.begin(); one != terms.end(); ++one) {
        const auto other = std::find_if(one + 1, terms.end(), [&](const SelectorTerm& term) {
            const auto both = [&](const Candidate& line) { return matches(line, *one) && matches(line, term); };
            return !one->negated && !term.negated && one->key == term.key && !same_word(one->value, term.value) &&
                   std::ranges::none_of(candidates, both);
        });
        if (other != terms.end())
            return "no line is \"" + one->text + "\" and \"" + other->text + "\" at once, and all terms must match; " +
                   kNoOr;
    }
    return "each term matches some line, but no line matches all of them";
}

Error none(std::string why) {
    return Error{Errc::not_found, "/selector", std::move(why)};
}

}  // namespace

bool same_word(std::string_view a, std::string_view b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return lower(x) == lower(y); });
}

bool matches(const Candidate& candidate, const SelectorTerm& term) {
    const auto has = [&](std::string_view key) { return same_word(value_of(candidate, key), term.value); };
    // Any key does, for each candidate alone: were it the first that some node uses, one node could take a word away
    // from all others by calling a line of its own so.
    return term.key.empty() ? std::ranges::any_of(kBareKeys, has) : has(term.key);
}

bool matches(const Selector& selector, const Candidate& candidate) {
    return std::ranges::all_of(selector.terms,
                               [&](const SelectorTerm& term) { return matches(candidate, term) != term.negated; });
}

std::vector<std::size_t> spread(std::span<const std::string_view> nodes, std::size_t limit) {
    limit = std::min(limit, nodes.size());
    std::map<std::string_view, std::vector<std::size_t>> by_node;
    for (std::size_t i = 0; i < nodes.size(); ++i) by_node[nodes[i]].push_back(i);
    std::vector<std::size_t> kept;
    for (std::size_t round = 0; kept.size() < limit; ++round) {
        std::vector<std::size_t> offered;
        std::size_t turn = 0;
        for (const auto& [node, lines] : by_node) {
            if (round < lines.size()) offered.push_back(lines[(round + turn) % lines.size()]);
            ++turn;
        }
        const std::size_t wanted = std::min(limit - kept.size(), offered.size());
        for (std::size_t i = 0; i < wanted; ++i) kept.push_back(offered[i * offered.size() / wanted]);
    }
    std::sort(kept.begin(), kept.end());
    return kept;
}

Result<Selector> parse_selector(std::string_view text) {
    if (text.size() > kMostText) return Error{Errc::bad_value, "/selector", "longer than 1024 characters"};
    const auto is_gap = [](char c) { return c == ' ' || c == '+'; };
    Selector selector;
    bool empty = true;
    for (std::size_t at = 0; at < text.size();) {
        if (is_gap(text[at])) {
            ++at;
            continue;
        }
        std::size_t end = at;
        for (; end < text.size() && !is_gap(text[end]); ++end) {
            const auto byte = static_cast<unsigned char>(text[end]);
            if (byte < 0x20 || byte == 0x7f) return wrong(end, "a control character");
        }
        EDGE_TRY(add_term(selector, text.substr(at, end - at), at));
        empty = false;
        at = end;
    }
    if (empty) return Error{Errc::bad_value, "/selector", "empty; say \"all\" for every line"};
    return selector;
}

Result<std::vector<std::size_t>> select(const Selector& selector, std::span<const Candidate> candidates) {
    const auto& terms = selector.terms;
    if (candidates.empty()) return none("there is no node yet; edgectl token create says how one is enrolled");
    // A negation that nothing matches is a slip as well: what was to be left out would be probed.
    for (const auto& term : terms) {
        if (!matches_any(candidates, term)) return none(advice(term, candidates));
    }
    std::vector<std::size_t> chosen;
    for (std::size_t i = 0; i < candidates.size(); ++i) {
        if (matches(selector, candidates[i])) chosen.push_back(i);
    }
    if (chosen.empty()) return none(contradiction(terms, candidates));
    return chosen;
}

}  // namespace edge::broker
