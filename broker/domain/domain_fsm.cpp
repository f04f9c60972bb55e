#include "broker/domain/domain_fsm.hpp"

#include <algorithm>

#include "protocol/json/bounded.hpp"

namespace edge::broker {

DomainFsm::DomainFsm(DomainOptions options, Entropy& entropy)
    : state_(std::move(options), entropy),
      dispatch_(state_),
      plan_targets_(state_, dispatch_),
      plan_runs_(state_, dispatch_),
      plans_(state_, plan_targets_, plan_runs_),
      recovery_(state_),
      keys_(state_),
      sessions_(state_, dispatch_, recovery_, plan_targets_, keys_),
      intake_(state_, dispatch_, sessions_, keys_, recovery_, plan_runs_),
      jobs_(state_, dispatch_),
      enrolment_(state_),
      orders_(state_, sessions_, plan_targets_, enrolment_),
      webhooks_(state_) {}

void DomainFsm::load(Loaded loaded, Now now, Actions& out) {
    state_.generation = loaded.generation;
    for (auto& node : loaded.nodes) {
        const auto last = loaded.last_events.find(node.row);
        state_.fleet.add(std::move(node)).last_event = last == loaded.last_events.end() ? 0 : last->second;
    }
    sessions_.await_those_that_were_there(now);
    for (auto& spool : loaded.spools) state_.fleet.add_spool(std::move(spool)).is_stored = true;
    enrolment_.load(loaded.join_tokens, loaded.api_tokens);
    webhooks_.load(std::move(loaded.webhooks), now);
    for (const auto& run : loaded.unfinished) {
        auto params = parse_json(run.job.params);
        const RunPtr active = state_.runs.add(run, params ? std::move(params.value()) : Json::object(), state_.fleet,
                                              now, ActiveRuns::Origin::store);
        plan_runs_.give_time(*active, now);
        dispatch_.begin(active, now, out);
    }
    auto planned = std::move(loaded.planned);
    const auto early = std::move(loaded.made_early);
    loaded.planned.clear();
    loaded.made_early.clear();
    loaded.webhooks.clear();
    loaded.unfinished.clear();
    loaded.nodes.clear();
    loaded.last_events.clear();
    loaded.spools.clear();
    loaded.join_tokens.clear();
    loaded.api_tokens.clear();
    state_.next = std::move(loaded);
    plans_.load(std::move(planned), early, now, out);  // it hands out keys
}

Result<NodeKey> DomainFsm::find_key(NodeId id, Now now) const {
    const Node* node = state_.fleet.find(id);
    if (!node) return Error{Errc::not_found, {}, "no such node"};
    return NodeKeys::valid(node->record, now.wall);
}

void DomainFsm::order_node(Ticket ticket, std::string_view id_or_name, NodeOrder order, std::string reason, TokenId by,
                           Now now, Actions& out) {
    const auto node = node_named(id_or_name);
    if (!node) return out.effects.push_back(NodeAnswer{ticket, node.error()});
    orders_.give(ticket, *node.value(), order, std::move(reason), by, now, out);
}

Result<Node*> DomainFsm::node_named(std::string_view id_or_name) const {
    Node* node = nullptr;
    if (const auto id = NodeId::parse(id_or_name)) {
        node = state_.fleet.find(id.value());
    } else if (const auto name = NodeName::parse(id_or_name)) {
        node = state_.fleet.find(name.value());
    }
    if (!node) return Error{Errc::not_found, {}, "no node has this id or name"};
    return node;
}

Result<NodeView> DomainFsm::node(std::string_view id_or_name) const {
    EDGE_TRY(const auto* node, node_named(id_or_name));
    NodeView view = Fleet::view(*node);
    view.policy = node->record.policy;
    return view;
}

Result<UsageView> DomainFsm::usage(std::string_view id_or_name) const {
    EDGE_TRY(const auto* node, node_named(id_or_name));
    if (node->usage.told_at() == 0)
        return Error{Errc::not_found, {}, "the node has not told its usage yet; an agent does once a minute"};
    return node->usage.view(node->ref(), NodeUsage::Detail::history);
}

RunPtr DomainFsm::active(RunId id) const {
    RunPtr run = state_.runs.find(id);
    return run && run->state == RunState::running ? run : nullptr;
}

bool DomainFsm::cancel_run(Ticket ticket, RunId id, Now now, Actions& out) {
    const RunPtr run = active(id);
    if (!run) return false;
    const auto answer = [ticket, run](Now, Actions& after) {
        after.effects.push_back(JobAnswer{ticket, ActiveRuns::view(*run)});
    };
    if (!run->canceled)
        dispatch_.cancel(run, now, out, answer);
    else if (run->writes == 0)  // nodes were told, or are by their next welcome
        answer(now, out);
    else
        state_.journal.write(out, {}, answer);  // behind what ended when it was canceled
    return true;
}

bool DomainFsm::bring_up_to_date(RunId run, std::vector<TaskView>& tasks) const {
    if (!active(run)) return false;
    for (auto& view : tasks) {
        if (const Task* task = state_.runs.task(view.id)) view = ActiveRuns::view(*task);
    }
    return true;
}

StoreView DomainFsm::store() const {
    const Counters& counted = state_.counters;
    return {.generation = state_.generation.id,
            .restored_at = state_.generation.restored_at,
            .behind_joins = counted.store_behind,
            .recovered_tasks = counted.recovered,
            .gap_results = counted.gaps,
            .credit_waits = counted.credit_waits,
            .locked_nodes = counted.locked,
            .retention = {}};
}

std::size_t DomainFsm::nodes_ahead() const {
    return static_cast<std::size_t>(
        std::ranges::count_if(state_.ahead, [](const Node* node) { return !is_shut_out(node->record.state); }));
}

std::vector<FleetEvent> DomainFsm::follow() {
    state_.is_followed = true;
    std::vector<FleetEvent> all;
    for (const auto& node : state_.fleet.nodes())
        all.emplace_back(std::make_shared<const NodeView>(Fleet::view(*node)));
    for (const RunPtr& run : state_.runs.all()) {
        if (run->state == RunState::running) all.emplace_back(std::make_shared<const RunView>(ActiveRuns::view(*run)));
    }
    return all;
}

void DomainFsm::change_watchers(RunId id, int by) {
    const RunPtr run = state_.runs.find(id);
    if (!run || (by < 0 && run->watchers == 0)) return;
    run->watchers += static_cast<std::uint32_t>(by);
}

}  // namespace edge::broker
