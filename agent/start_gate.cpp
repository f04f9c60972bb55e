#include "agent/start_gate.hpp"

#include <algorithm>
#include <iterator>

namespace edge::agent {

std::vector<Accepted> StartGate::pass(std::vector<Accepted> came, Time now) {
    std::vector<Accepted> passed;
    for (Accepted& one : came) {
        if (one.task.align.value_or(1) <= 1) {
            passed.push_back(std::move(one));
            continue;
        }
        Held& held = held_[one.task.run_id];
        if (held.tasks.empty()) held.until = now + kLongestWait;
        held.tasks.push_back(std::move(one));
    }
    for (auto at = held_.begin(); at != held_.end();) {
        auto& [run, held] = *at;
        const bool waits = held.tasks.size() < *held.tasks.front().task.align && now < held.until;
        if (!waits) std::move(held.tasks.begin(), held.tasks.end(), std::back_inserter(passed));
        at = waits ? std::next(at) : held_.erase(at);
    }
    return passed;
}

std::optional<Accepted> StartGate::take(const link::AttemptRef& attempt) {
    for (auto at = held_.begin(); at != held_.end(); ++at) {
        auto& tasks = at->second.tasks;
        const auto task = std::ranges::find_if(tasks, [&](const Accepted& one) {
            return link::AttemptRef{one.task.task_id, one.task.attempt} == attempt;
        });
        if (task == tasks.end()) continue;
        Accepted taken = std::move(*task);
        tasks.erase(task);
        if (tasks.empty()) held_.erase(at);
        return taken;
    }
    return std::nullopt;
}

std::optional<Time> StartGate::deadline() const {
    std::optional<Time> first;
    for (const auto& [run, held] : held_) first = first ? std::min(*first, held.until) : held.until;
    return first;
}

}  // namespace edge::agent
