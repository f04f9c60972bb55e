#include "broker/domain/choice.hpp"

#include <algorithm>
#include <utility>

#include "broker/domain/lending.hpp"
#include "broker/domain/selector.hpp"

namespace edge::broker {
namespace {

constexpr std::size_t kMostReasons = 8;  // in one message
constexpr std::uint32_t kMostRepeats = 1'000;
constexpr std::uint32_t kMostStartWithinMs = 86'400'000;
constexpr std::uint32_t kLeastRunWithinMs = 1'000;
constexpr std::uint32_t kMostRunWithinMs = 3'600'000;
constexpr std::uint64_t kRunMarginMs = 2'000;

/// "gz-1/telecom, gz-1/unicom: the node does not lend http; gz-2/telecom: …; and 5 more"
std::string reasons(const std::vector<LeftOut>& left_out, std::size_t total) {
    std::vector<std::pair<std::string, std::string>> said;  // why, and the lines
    const std::size_t named = std::min(left_out.size(), kMostReasons);
    for (std::size_t i = 0; i < named; ++i) {
        const LeftOut& one = left_out[i];
        const std::string name = one.node.name.text() + "/" + one.line.name.text();
        const auto at = std::ranges::find(said, one.why, &std::pair<std::string, std::string>::first);
        if (at == said.end())
            said.emplace_back(one.why, name);
        else
            at->second += ", " + name;
    }
    std::string text;
    for (const auto& [why, lines] : said) text += (text.empty() ? "" : "; ") + lines + ": " + why;
    if (total > named) text += "; and " + std::to_string(total - named) + " more";
    return text;
}

std::vector<Chosen> limited(std::vector<Chosen> lines, std::size_t limit) {
    std::vector<std::string_view> nodes;
    for (const Chosen& one : lines) nodes.push_back(one.node->record.name.text());
    std::vector<Chosen> kept;
    for (const auto index : spread(nodes, limit)) kept.push_back(std::move(lines[index]));
    return kept;
}

template <class One>
void note(One one, std::vector<One>& named, std::uint32_t& total) {
    ++total;
    if (named.size() < RunNotes::kMostNamed) named.push_back(std::move(one));
}

}  // namespace

Result<> check_terms(const JobTerms& terms) {
    if (terms.start_within_ms < 1 || terms.start_within_ms > kMostStartWithinMs)
        return Error{Errc::bad_value, "/start_within_ms", "is 1 to 86400000"};
    if (terms.run_within_ms != 0 && (terms.run_within_ms < kLeastRunWithinMs || terms.run_within_ms > kMostRunWithinMs))
        return Error{Errc::bad_value, "/run_within_ms", "is 1000 to 3600000"};
    if (terms.repeat < 1 || terms.repeat > kMostRepeats) return Error{Errc::bad_value, "/repeat", "is 1 to 1000"};
    return ok();
}

std::uint32_t run_within_ms(const ProbeSpec& spec, const JobTerms& terms) {
    const auto longest = static_cast<std::uint32_t>(longest_run_ms(spec) + kRunMarginMs);
    return terms.run_within_ms == 0 ? longest : std::min(longest, terms.run_within_ms);
}

Result<Choice> choose_lines(const Fleet& fleet, std::string_view selector, const ProbeSpec& spec, EnforcedBy least,
                            const Node* only, Limit limit) {
    EDGE_TRY(auto selected, fleet.choose(selector, only));
    if (only || limit == Limit::ignored) selected.limit.reset();
    Choice choice;
    RunNotes& notes = choice.notes;
    Lending lending(spec, least);
    for (auto& one : selected.lines) {
        if (auto why = lending.refusal(one.node->record, *one.report))
            note(LeftOut{one.node->ref(), std::move(one.line), std::move(*why)}, notes.left_out, notes.left_out_total);
        else
            choice.lines.push_back(std::move(one));
    }
    if (choice.lines.empty()) return Error{Errc::denied, "/selector", reasons(notes.left_out, notes.left_out_total)};
    if (selected.limit && *selected.limit <= choice.lines.size()) {  // the limit is reached without those left out
        notes = {};
        choice.lines = limited(std::move(choice.lines), *selected.limit);
    }
    const Node* last = nullptr;
    for (const Chosen& one : choice.lines) {
        if (std::exchange(last, one.node) != one.node && !one.node->is_connected())
            note(one.node->ref(), notes.away, notes.away_total);
    }
    return choice;
}

}  // namespace edge::broker
