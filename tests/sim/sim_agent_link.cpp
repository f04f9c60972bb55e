// An agent's link, as agent/link/link.cpp drives it over a socket.
#include <algorithm>

#include "agent/link/hello.hpp"
#include "agent/link/identity.hpp"
#include "tests/sim/exporter.hpp"
#include "tests/sim/sim_agent.hpp"

namespace edge::sim {
namespace {

link::LineReport line(const char* name, const char* carrier) {
    link::LineReport report;
    report.name = LineName::parse(name).value();
    report.carrier = carrier;
    report.device = "wan0";
    report.addresses = {"100.64.1.2"};
    report.state = link::LineState::up;
    report.enforced_by = EnforcedBy::bpf;
    return report;
}

}  // namespace

/// Owners: the wire. The process it belongs to may be gone.
class Node::End final : public WireEnd {
  public:
    explicit End(Node& node) : node_(node), life_(node.life_) {}
    void message(std::string text) override {
        if (life_ == node_.life_ && node_.is_up()) node_.heard(std::move(text));
    }
    void closed() override {
        if (life_ == node_.life_ && node_.is_up()) node_.wire_closed();
    }

  private:
    Node& node_;
    std::uint64_t life_;
};

void Node::carry_out(agent::LinkActions actions) {
    const auto life = life_;
    for (auto& action : actions) {
        std::visit([this](auto& one) { act(std::move(one)); }, action);
        if (life != life_) return;
    }
    arm();
}

void Node::act(agent::Dial&&) {
    later(chance_.between(1 * kMs, 100 * kMs), [this] {
        wire_ = dial_(std::make_shared<End>(*this));
        carry_out(wire_ ? fsm_->opened(timeline_.steady()) : fsm_->closed({"refused"}, timeline_.steady()));
    });
}

void Node::act(agent::SayHello&& action) {
    link::Hello hello;
    hello.labels = {{"province", "guangdong"}};
    hello.lines = {line("telecom", "ct"), line("unicom", "cu"), line("mobile", "cm")};
    hello.node_id = id_;
    hello.agent_version = "0.1.0";
    hello.boot_id = to_base32(Uuid{static_cast<std::uint8_t>(life_)});
    hello.join_counter = join_counter_;
    hello.spool_id = spool_->id();
    hello.spool_first = first_to_send();
    hello.gap = spool_->gap();
    hello.spool_last = spool_->last();
    hello.work_last = spool_->work_last();
    hello.running = spool_->open_attempts();
    std::erase_if(hello.running, [this](const link::AttemptRef& one) { return accepted_->planned().contains(one); });
    hello.features.emplace_back(link::kPlanFeature);
    hello.plans = plans_->digest();
    outgoing_.say(agent::signed_hello(hello, keys_->hello_key(), action.nonce, kExporter));
    pump();
}

void Node::enrolled(NodeId id) {
    id_ = id;
    if (!agent::save_key(state_disk_, key_)) throw Violation("a key can be kept");
}

void Node::act(agent::StoreCounter&& action) {
    if (!keys_->accepted(now().wall_us)) return carry_out(fsm_->give_up("key not stored"));
    if (broken_ != Break::counter_forgotten && !agent::save_counter(state_disk_, action.join_counter))
        return carry_out(fsm_->give_up("counter not stored"));
    join_counter_ = action.join_counter;
    carry_out(fsm_->counter_stored(timeline_.steady()));
    offer_key();
}

void Node::offer_key() {
    if (auto offer = keys_->offer(id_)) carry_out(fsm_->offer_key(std::move(*offer)));
}

void Node::act(agent::TryOtherKey&&) {
    if (keys_->refused()) fsm_->retry_soon();
}

void Node::act(agent::MakeKey&&) {
    if (keys_->make_next()) offer_key();
}

void Node::act(agent::TakeKey&& action) {
    (void)keys_->taken(action.public_key, now().wall_us);  // one that is not stored is offered again
}

void Node::act(agent::StartWork&& action) {
    accepting_.emplace_back(action.task.task_id, action.task.attempt);
    accepted_->offered(std::move(action.task), now());
    if (broken_ == Break::start_before_commit) {
        for (auto& work : accepted_->starting(timeline_.steady())) start_task(std::move(work));
    }
    settle_soon();
}

void Node::act(agent::StopWork&& action) {
    accepted_->canceled(action.n, action.attempt);
    settle_soon();
}

void Node::act(agent::ChangePlan&& action) {
    plans_->in_contact(now());
    std::visit(
        [&]<class T>(T& one) {
            spool_->note_work(one.n);
            if constexpr (std::is_same_v<T, link::PlanSet>) {
                passed_.try_emplace(one.job_id, 0);
                plans_->set(std::move(one), now());
            } else if constexpr (std::is_same_v<T, link::PlanDrop>)
                plans_->drop(one.job_id);
            else
                plans_->reset();
        },
        action.change);
    disturbed();
    settle_soon();
}

void Node::act(agent::ForgetResults&& action) {
    for (std::uint64_t n = spool_->first(); n != 0 && n <= std::min(action.upto, spool_->last()); ++n) {
        const auto bytes = spool_->result(n);
        if (!bytes) return restart_soon();
        const auto message = link::decode_message(bytes.value());
        const auto& result = std::get<link::TaskResult>(message.value().front().envelope);
        ledger_.acknowledged({result.task_id, result.attempt});
    }
    if (!spool_->ack(action.upto, now().wall_us)) return restart_soon();
    tell_kept();
}

void Node::tell_kept() {
    ledger_.kept_from(number_, spool_->first_kept() != 0 ? spool_->first_kept() : spool_->last() + 1);
}

void Node::act(agent::RewindResults&& action) {
    spool_->rewind(action.upto);
    tell_kept();
    if (spool_->acked() > action.upto) carry_out(fsm_->give_up("the spool cannot go back that far"));
}

void Node::act(agent::RenewSpool&& action) {
    throw Violation("numbers go on: the spool of " + std::to_string(number_) + " is renewed, " + action.why);
}

void Node::act(agent::Hangup&&) {
    pump();
    act(agent::Cut{});
}

void Node::act(agent::Cut&&) {
    if (!wire_) return;
    const auto wire = wire_;
    wire->close(Wire::agent);
}

void Node::heard(std::string text) {
    const auto life = life_;
    auto message = link::decode_message(text);
    if (!message) return carry_out(fsm_->garbled(message.error()));
    for (auto& one : message.value()) {
        carry_out(fsm_->received(std::move(one.envelope), numbers(), now()));
        if (life != life_) return;
    }
    pump();
}

void Node::wire_closed() {
    wire_.reset();
    outgoing_.clear();
    carry_out(fsm_->closed({"cut"}, timeline_.steady()));
    if (wants_room_ && fsm_->idle()) make_room();
}

void Node::pump() {
    if (!wire_) return;
    while (true) {
        auto message = outgoing_.take(*fsm_, *spool_);
        if (!message) return restart_soon();
        if (message.value().empty()) return fsm_->held(spool_->last(), timeline_.steady());
        fsm_->wrote(timeline_.steady());
        wire_->send(Wire::agent, std::move(message.value()));
        if (broken_ == Break::forget_when_sent && fsm_->live() && !fsm_->next_result(spool_->last()) &&
            !spool_->ack(spool_->last(), now().wall_us))
            return restart_soon();
    }
}

void Node::arm() {
    const auto due = fsm_->deadline();
    if (!due || (armed_ && *armed_ <= timeline_.of(*due))) return;
    armed_ = timeline_.of(*due);
    timeline_.at(*armed_, [this, life = life_] {
        if (life != life_ || !fsm_) return;
        armed_.reset();
        carry_out(fsm_->tick(now()));
        if (life == life_) pump();
    });
}

}  // namespace edge::sim
