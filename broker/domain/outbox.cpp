#include "broker/domain/outbox.hpp"

#include <utility>

namespace edge::broker::outbox {
namespace {

DeliveryId deliver(DomainState& state, WebhookRow webhook, MessageRow message, bool once, Now now, Batch& batch) {
    const DeliveryId id = state.make_id<DeliveryId>(now);
    batch.push_back(AddDelivery{id, message,
                                DueDelivery{.row = take_key(state.next.next_delivery),
                                            .webhook = webhook,
                                            .due_at = now.wall,
                                            .created_at = now.wall,
                                            .attempts = 0,
                                            .once = once}});
    return id;
}

MessageRow write(DomainState& state, OutsideEvent event, Now now, Batch& batch) {
    const MessageRow row = take_key(state.next.next_message);
    event.id = state.make_id<MessageId>(now);
    event.sequence = static_cast<std::uint64_t>(row);
    std::string text = state.options.event_text(event);
    batch.push_back(AddMessage{row, event.id, event.kind, event.at, std::move(event.subject), std::move(text)});
    return row;
}

void tell(DomainState& state, OutsideEvent event, std::span<const Candidate> lines, Now now, Batch& batch,
          WebhookId but = {}) {
    auto wanting = state.endpoints.wanting(event.kind, lines);
    std::erase_if(wanting, [but](const Endpoint* one) { return one->record.view.id == but; });
    if (wanting.empty()) return;
    const MessageRow message = write(state, std::move(event), now, batch);
    for (const Endpoint* endpoint : wanting) deliver(state, endpoint->record.row, message, false, now, batch);
}

/// A node without lines is one whose line has no name.
std::vector<Candidate> lines_of(const NodeRecord& node) {
    std::vector<Candidate> lines;
    for (const auto& line : node.lines)
        lines.push_back({node.name.text(), line.name.text(), line.carrier, &node.labels});
    if (lines.empty()) lines.push_back({node.name.text(), {}, {}, &node.labels});
    return lines;
}

std::string carrier_of(const NodeRecord& node, const std::string& name) {
    for (const auto& line : node.lines) {
        if (line.name.text() == name) return line.carrier;
    }
    return {};
}

void tell_event(DomainState& state, const NodeRecord& node, const NodeEvent& event, Now now, Batch& batch) {
    using enum NodeEventKind;
    if (event.kind == line_identity || event.kind == results_gap || event.kind == store_behind ||
        event.kind == key_changed || event.kind == uplink || event.kind == spool_replaced)
        return;
    const bool of_line = event.kind == NodeEventKind::line_state;
    const EventKind kind = of_line ? EventKind::line_state : EventKind::node_state;
    if (!state.endpoints.may_want(kind)) return;
    NodeHappening about{{node.id, node.name}, &node.labels, event, of_line ? carrier_of(node, event.line) : ""};
    const std::vector<Candidate> lines =
        of_line ? std::vector<Candidate>{{node.name.text(), event.line, about.carrier, &node.labels}} : lines_of(node);
    OutsideEvent outside{.kind = kind, .at = event.at, .subject = node.id.text(), .about = about};
    if (of_line) outside.subject += "/" + event.line;
    tell(state, std::move(outside), lines, now, batch);
}

}  // namespace

void tell_result(DomainState& state, const Node& node, const std::shared_ptr<const ResultView>& result, Now now,
                 Batch& batch) {
    if (result->superseded || !state.endpoints.may_want(EventKind::result)) return;
    const NodeRecord& r = node.record;
    const std::array<Candidate, 1> line{{{r.name.text(), result->line.name.text(), result->line.carrier, &r.labels}}};
    tell(state, {.kind = EventKind::result, .at = now.wall, .subject = result->result.rid.text(), .about = result},
         line, now, batch);
}

void tell_finished(DomainState& state, const Run& run, Now now, Batch& batch) {
    if (!state.endpoints.may_want(EventKind::run_finished)) return;
    std::vector<Candidate> lines;
    for (const Task& task : run.tasks) {
        const NodeRecord& node = task.node->record;
        lines.push_back({node.name.text(), task.line.name.text(), task.line.carrier, &node.labels});
    }
    // As it will be shown once this is stored.
    RunView view = ActiveRuns::view(run);
    view.state = RunState::finished;
    view.finished_at = run.finished_at;
    view.tasks = counts_of(view.tasks.total, run.written);
    tell(state, {.kind = EventKind::run_finished, .at = now.wall, .subject = run.id.text(), .about = std::move(view)},
         lines, now, batch);
}

void tell_events(DomainState& state, const Node& node, Now now, Batch& batch) {
    const std::size_t size = batch.size();
    for (std::size_t i = 0; i < size; ++i) {
        const auto* added = std::get_if<AddEvent>(&batch[i]);
        if (!added) continue;
        const NodeEvent event = added->event;  // the batch grows
        tell_event(state, node.record, event, now, batch);
    }
}

void tell_enrolled(DomainState& state, const NodeRecord& node, Now now, Batch& batch) {
    if (!state.endpoints.may_want(EventKind::node_enrolled)) return;
    tell(state,
         {.kind = EventKind::node_enrolled,
          .at = now.wall,
          .subject = node.id.text(),
          .about = Enrolled{{node.id, node.name}, &node.labels, node.state}},
         lines_of(node), now, batch);
}

void tell_disabled(DomainState& state, const WebhookView& webhook, Now now, Batch& batch) {
    if (!state.endpoints.may_want(EventKind::webhook_disabled)) return;
    tell(state, {.kind = EventKind::webhook_disabled, .at = now.wall, .subject = webhook.id.text(), .about = webhook},
         {}, now, batch, webhook.id);
}

DeliveryId tell_test(DomainState& state, const WebhookRecord& webhook, Now now, Batch& batch) {
    const MessageRow message =
        write(state, {.kind = EventKind::test, .at = now.wall, .subject = webhook.view.id.text(), .about = Tested{}},
              now, batch);
    return deliver(state, webhook.row, message, true, now, batch);
}

}  // namespace edge::broker::outbox
