#include "tests/sim/sim_agent.hpp"

#include <algorithm>

#include "agent/link/hello.hpp"
#include "agent/link/identity.hpp"
#include "protocol/json/described.hpp"
#include "tests/sim/exporter.hpp"

namespace edge::sim {
namespace {

constexpr std::uint32_t kWorkSlots = 768;
constexpr std::size_t kSegmentBytes = 64 * 1024;  // small, so that many are made and deleted

SigningKey key_of(Chance& chance) {
    std::array<std::uint8_t, 32> secret{};
    for (auto& byte : secret) byte = static_cast<std::uint8_t>(chance.bits());
    return std::move(SigningKey::from_secret(secret).value());
}

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

Node::Node(Timeline& timeline, Chance& chance, Ledger& ledger, std::size_t number, Dial dial, Break broken,
           std::uint64_t spool_limit)
    : timeline_(timeline),
      chance_(chance),
      ledger_(ledger),
      number_(number),
      dial_(std::move(dial)),
      key_(key_of(chance)),
      broken_(broken),
      spool_limit_(spool_limit),
      lying_disk_(spool_disk_),
      leavings_(chance.other()) {}

Node::~Node() = default;

void Node::later(Us delay, std::function<void()> what) {
    timeline_.after(delay, [this, life = life_, what = std::move(what)] {
        if (life == life_ && is_up()) what();
    });
}

// ── the process ──

void Node::start() {
    if (is_up()) return;
    ++life_;
    auto opened = agent::Spool::open(
        broken_ == Break::sync_is_a_lie ? static_cast<agent::Disk&>(lying_disk_) : spool_disk_, {kSegmentBytes});
    if (!opened && opened.error().code == Errc::unsupported)
        throw Violation("a spool can be read: " + opened.error().message());
    if (!opened) return restart_soon();
    spool_.emplace(std::move(opened.value()));
    limit_.emplace(*spool_, spool_limit_);
    accepted_.emplace(*spool_);
    for (const auto& attempt : accepted_->answer_for_the_last_process(now().wall_us))
        promised_.emplace_back(attempt.task_id, attempt.attempt);
    plans_.emplace(state_disk_, id_);
    const auto planned = plans_->open(now());
    if (!planned && planned.error().code == Errc::unsupported)
        throw Violation("a plan can be read: " + planned.error().message());
    if (!planned) return restart_soon();
    disturbed();
    audit_soon();
    if (!commit() && !is_up()) return;
    const auto counter = agent::load_counter(state_disk_);
    auto keys = agent::NodeKeys::load(state_disk_);
    if (!counter || !keys) return restart_soon();
    keys_.emplace(std::move(keys.value()));
    join_counter_ = counter.value();
    fsm_.emplace(agent::LinkSettings{std::chrono::milliseconds(30'000), kWorkSlots, chance_.bits()});
    carry_out(fsm_->start(timeline_.steady()));
    take_due();
}

void Node::end_process() {
    ++life_;
    if (const auto wire = std::exchange(wire_, nullptr)) wire->close(Wire::agent);
    tasks_.clear();
    promised_.clear();
    accepting_.clear();
    outgoing_.clear();
    settling_ = no_space_ = wants_room_ = false;
    armed_.reset();
    fsm_.reset();
    plans_.reset();
    accepted_.reset();
    limit_.reset();
    spool_.reset();
}

void Node::restart_soon() {
    end_process();
    if (spool_disk_.is_cut()) {
        spool_disk_.restart(agent::ForgetfulDisk::Leaves::some_sectors, leavings_);
        state_disk_.restart(agent::ForgetfulDisk::Leaves::a_prefix, leavings_);
    }
    timeline_.after(chance_.between(100 * kMs, 5 * kSecond), [this, life = life_] {
        if (life == life_) start();
    });
}

void Node::kill() {
    restart_soon();
}

void Node::cut_power() {
    using Leaves = agent::ForgetfulDisk::Leaves;
    constexpr Leaves kAll[]{Leaves::nothing, Leaves::all, Leaves::a_prefix, Leaves::some_sectors};
    end_process();
    spool_disk_.restart(kAll[chance_.between(0, 3)], leavings_);
    state_disk_.restart(kAll[chance_.between(0, 3)], leavings_);
    restart_soon();
}

bool Node::cut_power_while_writing() {
    if (is_up()) spool_disk_.cut_at(static_cast<int>(chance_.between(1, 12)));
    return is_up();
}

void Node::lose_disk() {
    end_process();
    spool_disk_ = agent::ForgetfulDisk();
    ledger_.disk_lost(number_);
    restart_soon();
}

bool Node::cut() {
    const auto wire = wire_;
    if (wire) wire->cut();
    return wire != nullptr;
}

bool Node::go_silent(Wire::Side side) {
    if (wire_) wire_->go_silent(side);
    return wire_ != nullptr;
}

std::string Node::standing() const {
    if (!is_up()) return "down";
    return "tasks=" + std::to_string(tasks_.size()) + " first=" + std::to_string(spool_->first()) +
           " last=" + std::to_string(spool_->last()) + " live=" + std::to_string(fsm_ && fsm_->live()) +
           " dirty=" + std::to_string(spool_->dirty());
}

// ── the link, as agent/link/link.cpp does it over a socket ──

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
    if (!agent::save_counter(state_disk_, action.join_counter)) return carry_out(fsm_->give_up("counter not stored"));
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
        if (message.value().empty()) return;
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

// ── the plan, as agent/agent_plan.cpp has it ──

void Node::set_clock(std::int64_t ahead_us) {
    for (auto& [job, upto] : passed_) upto = std::max(upto, now().wall_us);
    clock_step_ = ahead_us;
    disturbed();
    if (is_up()) take_due();
}

void Node::make_room() {
    wants_room_ = false;
    if (!limit_->make_room()) return restart_soon();
    limit_->look(fsm_->live(), timeline_.steady());
    ledger_.gave_up(number_, spool_->gap() ? spool_->gap()->last : 0);
    tell_kept();
}

void Node::take_due() {
    limit_->look(fsm_->live(), timeline_.steady());
    if (limit_->session_must_end(timeline_.steady())) {
        wants_room_ = true;
        ++ended_for_room_;
        carry_out(fsm_->end_session("no room"));
    } else if (limit_->reached() && fsm_->idle()) {
        make_room();
    }
    if (!is_up()) return;
    for (link::Task& task : plans_->due(now())) {
        accepting_.emplace_back(task.task_id, task.attempt);
        told_due_.emplace(Due{task.plan->job_id, task.plan->tick_us, task.line}, task.task_id);
        accepted_->offered(std::move(task), now());
        settle_soon();
    }
    arm_due();
}

void Node::arm_due() {
    const auto next = plans_->next();
    if (!next) return;
    const std::uint64_t wall = now().wall_us;
    Us delay = *next > wall ? *next - wall : 0;
    if (broken_ == Break::sleep_over_ticks && chance_.permille(50)) delay += kMinute;
    later(delay, [this, no = ++due_no_] {
        if (no == due_no_) take_due();
    });
}

void Node::audit_soon() {
    later(30 * kSecond, [this] { audit(); });
}

/// What was due in the last half minute, reckoned from the schedules alone: a node that nothing disturbed has done it.
/// Where its clock was before it was set back, it may have missed what it does not make up now.
void Node::audit() {
    audit_soon();
    if (timeline_.now() < calm_since_ + 35 * kSecond) return;
    const std::uint64_t wall = now().wall_us;
    for (const link::PlanSet* plan : plans_->plans()) {
        const Ticks ticks = Ticks::of(plan->schedule).value();
        const std::uint64_t from = std::max(wall - 32 * kSecond, passed_.at(plan->job_id));
        for (auto tick = ticks.next(from); tick && *tick < wall - 2 * kSecond; tick = ticks.next(*tick)) {
            for (const LineName& name : plan->lines) {
                if (!has_done(*plan, *tick, name))
                    throw Violation("a node that is up does what is due: " + plan->job_id.text() + " at " +
                                    std::to_string(*tick) + ", looked at " + std::to_string(wall));
            }
        }
    }
}

/// By this revision or another: a clock that was set comes again to what fired then, and a broker that came back from a
/// backup to revisions that it had before.
bool Node::has_done(const link::PlanSet& plan, std::uint64_t tick, const LineName& line) const {
    const auto [first, last] = told_due_.equal_range(Due{plan.job_id, tick, line});
    return std::any_of(first, last, [&](const auto& one) { return ledger_.was_accepted(number_, {one.second, 1}); });
}

// ── a turn of the loop, as agent/agent.cpp makes it ──

void Node::settle_soon() {
    if (std::exchange(settling_, true)) return;
    later(chance_.between(100, 2 * kMs), [this] { settle(); });
}

void Node::settle() {
    settling_ = false;
    if (!commit()) return;
    for (auto& work : accepted_->starting(timeline_.steady())) start_task(std::move(work));
    for (const auto& attempt : accepted_->stopping()) {
        const auto at = tasks_.find(attempt);
        if (at == tasks_.end()) continue;
        at->second.canceled = true;
        later(kMs, [this, attempt] { finish(attempt); });
    }
    limit_->look(fsm_->live(), timeline_.steady());
    const auto free = kWorkSlots - static_cast<std::uint32_t>(std::min<std::size_t>(tasks_.size(), kWorkSlots));
    carry_out(fsm_->slots_free(free));
    carry_out(fsm_->work_durable());
    pump();
    if (plans_) arm_due();
}

/// False: not now, or the process is over.
bool Node::commit() {
    if (no_space_) return false;
    auto committed = spool_->commit();
    if (committed && broken_ != Break::forget_fired) committed = plans_->commit(now());
    if (committed && broken_ == Break::forget_fired && plans_->dirty()) committed = plans_->commit(now());
    if (committed) {
        for (const auto& attempt : std::exchange(accepting_, {})) ledger_.accepted(number_, attempt);
        std::uint64_t n = spool_->last() - promised_.size();
        for (const auto& attempt : std::exchange(promised_, {})) ledger_.durable(number_, ++n, attempt);
        tell_kept();
        return true;
    }
    if (committed.error().code != Errc::unavailable) {
        restart_soon();
        return false;
    }
    no_space_ = true;
    disturbed();
    later(kSecond, [this] {
        no_space_ = false;
        settle_soon();
    });
    return false;
}

void Node::start_task(agent::Accepted work) {
    const link::AttemptRef attempt{work.task.task_id, work.task.attempt};
    ledger_.started(number_, {attempt.task_id, attempt.attempt});
    const bool is_slow = chance_.permille(20);
    tasks_[attempt] = {std::move(work.task), now()};
    later(is_slow ? chance_.between(kSecond, 8 * kSecond) : chance_.between(kMs, 300 * kMs),
          [this, attempt] { finish(attempt); });
}

void Node::finish(const link::AttemptRef& attempt) {
    const auto node = tasks_.extract(attempt);
    if (!node) return;
    const Running& running = node.mapped();
    ProbeReport report;
    if (running.canceled)
        report = agent::failed_report(Status::refused, Source::agent, "start", "canceled", "canceled");
    else if (chance_.permille(80))
        report = agent::failed_report(Status::failed, Source::target, "wait", "timeout", "no answer");
    else
        report.status = Status::ok;
    report.detail = Json{{"sent", 4}};
    Evidence evidence;
    evidence.enforced_by = EnforcedBy::bpf;
    evidence.verified = true;
    const agent::Moment end = now();
    agent::Span span{.queued_us = 0, .started_us = running.started.wall_us, .ended_us = end.wall_us};
    auto finished = agent::make_finished(running.task, span, std::move(report), evidence);
    promised_.emplace_back(attempt.task_id, attempt.attempt);
    accepted_->finished(std::move(finished));
    settle_soon();
}

}  // namespace edge::sim
