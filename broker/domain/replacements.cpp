#include "broker/domain/replacements.hpp"

#include <algorithm>
#include <set>
#include <tuple>

namespace edge::broker {

std::vector<Chosen> Replacements::free_lines(const Run& run) const {
    const auto spec = decode_spec(run.service, run.params);
    if (!spec) return {};
    auto choice = choose_lines(fleet_, run.selector, spec.value(), run.terms.require_level, nullptr, Limit::ignored);
    if (!choice) return {};
    std::set<std::pair<const Node*, LineName>> asked;
    for (const Task& task : run.tasks) asked.emplace(task.node, task.line.name);
    std::erase_if(choice.value().lines, [&](const Chosen& one) {
        return !takes_work(one) || asked.contains({one.node, one.line.name});
    });
    return std::move(choice.value().lines);
}

bool Replacements::takes_work(const Chosen& one) const {
    if (one.node == &gone_ || !one.node->is_connected() || one.node->session->draining) return false;
    return std::ranges::none_of(one.node->record.lines, [&](const link::LineReport& line) {
        return line.name == one.line.name && line.state == link::LineState::down;
    });
}

const Chosen* Replacements::of(const Run& run, const LineRef& line) {
    auto [found, is_new] = found_.try_emplace({&run, line.name});
    if (is_new) {
        auto [free, is_first] = free_.try_emplace(&run);
        if (is_first) free->second = free_lines(run);
        const auto best = std::ranges::min_element(free->second, {}, [&](const Chosen& one) {
            return std::tuple(one.line.carrier != line.carrier, one.node->open.size() + given_[one.node]);
        });
        if (best != free->second.end()) {
            ++given_[best->node];
            found->second = std::move(*best);
            free->second.erase(best);
        }
    }
    return found->second ? &*found->second : nullptr;
}

}  // namespace edge::broker
