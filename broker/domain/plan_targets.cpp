#include "broker/domain/plan_targets.hpp"

#include <utility>

#include "broker/domain/choice.hpp"
#include "protocol/json/described.hpp"

namespace edge::broker {
namespace {

constexpr std::uint64_t kLimitedAfter = 1'000'000;
constexpr std::size_t kTagBytes = 8;

/// What decides whether a node's lines are asked; not whether they are up, since that they are down is an answer.
std::string asked_of(const Node& node) {
    const NodeRecord& r = node.record;
    std::string text = std::string(enum_text(r.state)) + (node.keeps_plans ? "+" : "-");
    for (const auto& [key, value] : r.labels) text.append("\n").append(key).append("=").append(value);
    for (const auto& line : r.lines) {
        const bool is_out = line.state == link::LineState::disabled || line.state == link::LineState::draining;
        text.append("\n").append(line.name.text()).append(" ").append(line.carrier).append(is_out ? " out " : " ");
        text.append(enum_text(line.enforced_by));
        for (const auto& address : line.addresses) text.append(" ").append(address);
        for (const auto& resolver : line.resolvers) text.append(" ").append(resolver);
    }
    if (r.policy) text.append("\n").append(dump_json(encode(*r.policy)));
    return text;
}

bool same_lines(const std::vector<LineRef>& a, const std::vector<LineRef>& b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [](const LineRef& x, const LineRef& y) { return x.name == y.name && x.carrier == y.carrier; });
}

}  // namespace

link::PlanSet PlanTargets::content(const Revision& revision, const std::vector<LineRef>& lines) const {
    const JobRecord& job = revision.record;
    link::PlanSet set{.n = 0,
                      .job_id = job.id,
                      .revision = job.revision,
                      .tag = {},
                      .lines = {},
                      .service = job.service,
                      .params = encode_spec(revision.spec),
                      .schedule = revision.schedule,
                      .repeat = job.terms.repeat,
                      .align = job.terms.align,
                      .start_within_ms = job.terms.start_within_ms,
                      .run_within_ms = run_within_ms(revision.spec, job.terms),
                      .lease_ms = state_.options.plan_lease_ms};
    for (const LineRef& line : lines) set.lines.push_back(line.name);
    const Digest digest = sha256(as_bytes(encode_envelope(set)));
    set.tag = to_hex(std::span(digest).first(kTagBytes));
    return set;
}

void PlanTargets::tell(Node& node, link::PlanChange change) {
    // To an agent that keeps none it would be a number that never comes.
    if (node.is_connected() && node.keeps_plans) node.session->plans.push_back(std::move(change));
}

void PlanTargets::send(Node& node, Now now, Actions& out) {
    if (node.is_connected() && !node.session->plans.empty()) dispatch_.offer(*node.session, now, out);
}

/// `lines` empty: the node is not asked.
void PlanTargets::put(Revision& revision, Node& node, std::vector<LineRef> lines) {
    const auto had = revision.lines.find(node.record.row);
    if (had != revision.lines.end() && same_lines(had->second, lines) && node.plan.contains(revision.record.id)) return;
    if (lines.empty()) {
        if (had != revision.lines.end()) revision.lines.erase(had);
        if (node.plan.erase(revision.record.id) > 0) tell(node, link::PlanDrop{0, revision.record.id});
        return;
    }
    link::PlanSet set = content(revision, lines);
    revision.lines[node.record.row] = std::move(lines);
    std::string& tag = node.plan[revision.record.id];
    if (std::exchange(tag, set.tag) != set.tag) tell(node, std::move(set));
}

void PlanTargets::resolve(Revision& revision, Now now, Actions& out) {
    std::map<NodeRow, std::vector<LineRef>> wanted;
    auto choice =
        choose_lines(state_.fleet, revision.record.selector, revision.spec, revision.record.terms.require_level);
    if (choice) {
        for (Chosen& one : choice.value().lines) {
            if (one.node->keeps_plans) wanted[one.node->record.row].push_back(std::move(one.line));
        }
    }
    for (const auto& node : state_.fleet.nodes()) {
        const auto lines = wanted.find(node->record.row);
        if (lines == wanted.end() && !revision.lines.contains(node->record.row)) continue;
        put(revision, *node, lines == wanted.end() ? std::vector<LineRef>() : std::move(lines->second));
        send(*node, now, out);
    }
}

void PlanTargets::withdraw(Revision& revision, Now now, Actions& out) {
    for (const auto& [row, lines] : revision.lines) withdraw_from(revision, row, now, out);
}

void PlanTargets::withdraw_from(Revision& revision, NodeRow row, Now now, Actions& out) {
    Node* node = state_.fleet.find(row);
    if (!node || node->plan.erase(revision.record.id) == 0) return;
    tell(*node, link::PlanDrop{0, revision.record.id});
    send(*node, now, out);
}

void PlanTargets::node_changed(Node& node, Now now, Actions& out) {
    std::string asked = asked_of(node);
    if (std::exchange(node.asked, asked) == asked) return;
    for (const auto& [id, revision] : state_.planned.current) {
        if (!revision->is_active()) continue;
        if (revision->is_limited) {
            if (!std::exchange(limited_waits_, true))
                state_.timers.set(now.mono + kLimitedAfter, [this](Now at, Actions& o) { resolve_limited(at, o); });
            continue;
        }
        std::vector<LineRef> lines;
        const JobRecord& job = revision->record;
        auto choice = choose_lines(state_.fleet, job.selector, revision->spec, job.terms.require_level, &node);
        if (choice && node.keeps_plans) {
            for (Chosen& one : choice.value().lines) lines.push_back(std::move(one.line));
        }
        put(*revision, node, std::move(lines));
    }
    send(node, now, out);
}

void PlanTargets::resolve_limited(Now now, Actions& out) {
    limited_waits_ = false;
    for (const auto& [id, revision] : state_.planned.current) {
        if (revision->is_active() && revision->is_limited) resolve(*revision, now, out);
    }
}

void PlanTargets::confirmed(Session& session, Now now, Actions& out) {
    Node& node = *session.node;
    node.keeps_plans = session.hello.plans.has_value();
    session.plans.clear();
    node_changed(node, now, out);
    if (!session.hello.plans || *session.hello.plans == link::plans_digest(node.plan)) return;
    session.plans.clear();  // all of it follows
    session.plans.push_back(link::PlanReset{});
    for (const auto& [job, tag] : node.plan) {
        const RevisionPtr revision = state_.planned.find(job);
        if (revision) session.plans.push_back(content(*revision, revision->lines.at(node.record.row)));
    }
    send(node, now, out);
}

}  // namespace edge::broker
