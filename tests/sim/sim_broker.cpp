#include "tests/sim/sim_broker.hpp"

#include <cstdio>
#include <cstdlib>

#include "protocol/codings.hpp"
#include "tests/sim/exporter.hpp"

namespace edge::sim {

namespace gateway = broker::gateway;

/// As broker/gateway/session.cpp does it over a socket.
class Broker::Session final : public WireEnd, public std::enable_shared_from_this<Session> {
  public:
    Session(Broker& broker, std::shared_ptr<Wire> wire)
        : broker_(broker), life_(broker.life_), wire_(std::move(wire)), fsm_(terms(broker)) {}

    void start() { apply(fsm_.start(now())); }
    void message(std::string text) override {
        if (is_alive()) apply(fsm_.message(now(), text));
    }
    void closed() override {
        wire_.reset();
        if (is_alive()) apply(fsm_.gone());
    }
    void send(std::vector<link::Envelope> envelopes) {
        if (fsm_.is_closed()) return;
        fsm_.sent(now());
        for (const auto& envelope : envelopes) {
            if (!outbox_.push(envelope)) return apply(fsm_.cut("slow consumer"));
        }
        flush();
        arm();
    }
    void go_away(link::Goaway why) { apply(fsm_.go_away(now(), why)); }
    void joined(std::variant<link::Welcome, link::Reject> answer) { apply(fsm_.joined(now(), std::move(answer))); }

  private:
    static gateway::SessionTerms terms(Broker& broker) {
        gateway::SessionTerms terms;
        for (int i = 0; i < 32; ++i) terms.nonce.push_back(static_cast<char>(broker.chance_.bits()));
        terms.exporter = kExporter;
        terms.limits = broker.limits_;
        terms.seed = static_cast<std::uint32_t>(broker.chance_.bits());
        return terms;
    }
    bool is_alive() const { return life_ == broker_.life_ && broker_.fsm_; }
    gateway::Now now() const { return {broker_.timeline_.steady(), broker_.timeline_.wall()}; }

    void apply(gateway::Actions actions) {
        for (auto& action : actions) std::visit([this](auto& one) { carry_out(one); }, action);
        flush();
        arm();
    }
    void carry_out(gateway::action::Send& send) { outbox_.push(send.envelope); }
    void carry_out(gateway::action::FindKey& find) {
        broker_.later(0, [self = shared_from_this(), node = find.node] {
            std::optional<Result<broker::NodeKey>> key;
            self->broker_.act([&](auto& fsm, auto now, auto&) { key = fsm.find_key(node, now); });
            self->apply(self->fsm_.key(self->now(), *key));
        });
    }
    void carry_out(gateway::action::AskToJoin& ask) {
        broker_.later(0, [self = shared_from_this(), hello = std::move(ask.hello), key = ask.key]() mutable {
            const auto ticket = self->broker_.ticket();
            self->broker_.joining_[static_cast<std::uint64_t>(ticket)] = self;
            self->broker_.act(
                [&](auto& fsm, auto now, auto& out) { fsm.join(ticket, std::move(hello), key, now, out); });
        });
    }
    void carry_out(gateway::action::Confirm& confirm) {
        broker_.later(0, [&broker = broker_, confirm = std::move(confirm)] {
            broker.act([&](auto& fsm, auto now, auto& out) { fsm.confirm(confirm.session, confirm.ack, now, out); });
        });
    }
    void carry_out(gateway::action::Live&) {}
    void carry_out(gateway::action::Deliver& deliver) {
        broker_.later(0, [&broker = broker_, deliver = std::move(deliver)]() mutable {
            broker.act([&](auto& fsm, auto now, auto& out) {
                fsm.receive(deliver.session, std::move(deliver.envelopes), now, out);
            });
        });
    }
    void carry_out(gateway::action::Measured& measured) {
        broker_.later(0, [&broker = broker_, measured] {
            broker.fsm_->measured(measured.session, measured.rtt_us, measured.clock_offset_us, broker.now());
        });
    }
    void carry_out(gateway::action::Leave& leave) {
        broker_.later(0, [&broker = broker_, session = leave.session] {
            broker.act([&](auto& fsm, auto now, auto& out) { fsm.leave(session, now, out); });
            broker.sinks_.erase(session);
        });
    }
    void carry_out(gateway::action::Close&) { closing_ = true; }
    void carry_out(gateway::action::Cut&) {
        if (const auto wire = std::exchange(wire_, nullptr)) wire->cut();
    }

    void flush() {
        if (!wire_) return;
        while (!outbox_.is_empty()) wire_->send(Wire::broker, outbox_.take());
        if (!closing_) return;
        closing_ = false;
        const auto wire = wire_;
        wire->close(Wire::broker);
    }
    void arm() {
        const auto due = fsm_.deadline();
        if (!due || (armed_ && *armed_ <= broker_.timeline_.of(*due))) return;
        armed_ = broker_.timeline_.of(*due);
        broker_.timeline_.at(*armed_, [weak = weak_from_this()] {
            const auto self = weak.lock();
            if (!self || !self->is_alive()) return;
            self->armed_.reset();
            self->apply(self->fsm_.timer(self->now()));
        });
    }

    Broker& broker_;
    std::uint64_t life_;
    std::shared_ptr<Wire> wire_;
    gateway::SessionFsm fsm_;
    gateway::Outbox outbox_;
    bool closing_ = false;
    std::optional<Us> armed_;
};

Broker::Broker(Timeline& timeline, Chance& chance, Ledger& ledger, Break broken)
    : timeline_(timeline), chance_(chance), ledger_(ledger), broken_(broken), entropy_(chance.bits()) {}

Broker::~Broker() = default;

void Broker::later(Us delay, std::function<void()> what) {
    timeline_.after(delay, [this, life = life_, what = std::move(what)] {
        if (life == life_ && fsm_) what();
    });
}

void Broker::start() {
    if (fsm_) return;
    ++life_;
    broker::DomainOptions options;
    options.gateway_pin = "cGlu";
    options.limits = limits_;
    fsm_ = std::make_unique<broker::DomainFsm>(options, entropy_);
    auto loaded = store_.load();
    if (!loaded) throw Violation("a store can be read: " + loaded.error().message());
    act([&](auto& fsm, auto now, auto& out) { fsm.load(std::move(loaded.value()), now, out); });
}

bool Broker::kill() {
    if (!fsm_) return false;
    ++life_;
    fsm_.reset();
    writes_.clear();
    writing_ = false;
    armed_.reset();
    joining_.clear();
    sinks_.clear();
    recent_.clear();
    for (const auto& weak : std::exchange(wires_, {})) {
        if (const auto wire = weak.lock()) wire->cut();
    }
    return true;
}

bool Broker::stop() {
    if (!fsm_) return false;
    act([](auto& fsm, auto now, auto& out) { fsm.stop(now, out); });
    while (!writes_.empty()) {
        const std::size_t before = writes_.size();
        write();
        if (writes_.size() >= before) break;  // no space: what waits was never acknowledged
    }
    return kill();
}

void Broker::back_up() {
    constexpr std::size_t kKept = 8;
    backups_.push_back({store_.backup(), ledger_.backup()});
    if (backups_.size() > kKept) backups_.erase(backups_.begin() + static_cast<std::ptrdiff_t>(chance_.between(0, 7)));
}

bool Broker::restore_some() {
    if (backups_.empty()) return false;
    kill();
    const Backup& backup = backups_[chance_.between(0, backups_.size() - 1)];
    GenerationId generation;
    for (auto& byte : generation.bytes) byte = static_cast<std::uint8_t>(chance_.bits());
    store_.restore(backup.store, generation, timeline_.wall());
    if (broken_ == Break::restore_unsaid) store_.undo_generation();
    ledger_.restored(*backup.ledger);
    plans_ = planned_once_;  // what was deleted after the backup is there again
    return true;
}

/// All that a recovered task brings along.
void Broker::drop_recovered(broker::Batch& batch) {
    const auto row = [](auto key) { return static_cast<std::int64_t>(key); };
    std::erase_if(batch, [&](const broker::Change& change) {
        if (const auto* made = std::get_if<broker::AddRun>(&change); made && made->run.recovered) {
            dropped_runs_.insert(row(made->run.row));
            for (const auto& task : made->tasks) dropped_tasks_.insert(row(task.row));
            return true;
        }
        if (const auto* made = std::get_if<broker::AddTask>(&change);
            made && dropped_runs_.contains(row(made->task.run))) {
            dropped_tasks_.insert(row(made->task.row));
            return true;
        }
        if (const auto* set = std::get_if<broker::SetRun>(&change)) return dropped_runs_.contains(row(set->run));
        if (const auto* set = std::get_if<broker::SetTask>(&change)) return dropped_tasks_.contains(row(set->task));
        const auto* result = std::get_if<broker::AddResult>(&change);
        return result && dropped_tasks_.contains(row(result->task));
    });
}

void Broker::accept(const std::shared_ptr<Wire>& wire) {
    std::erase_if(wires_, [](const auto& weak) { return weak.expired(); });
    wires_.push_back(wire);
    const auto session = std::make_shared<Session>(*this, wire);
    wire->attach(Wire::broker, session);
    session->start();
}

NodeId Broker::enroll(const std::string& name, const PublicKey& key) {
    act([&](auto& fsm, auto now, auto& out) {
        const broker::JoinTokenTerms terms{.node = NodeName::parse(name).value()};
        fsm.create_join_tokens(ticket(), {terms}, 0, {}, now, out);
    });
    while (token_.empty()) timeline_.step();
    const link::EnrollRequest request{std::exchange(token_, {}), to_base64(key), "", name, {}, "0.1.0"};
    enrolled_.reset();
    act([&](auto& fsm, auto now, auto& out) { fsm.enroll(ticket(), {request, "192.0.2.1"}, now, out); });
    while (!enrolled_) timeline_.step();
    return enrolled_->node_id;
}

void Broker::ask(const std::string& selector) {
    if (!fsm_) return;
    broker::JobRequest request;
    PingSpec spec;
    spec.target = "198.51.100.10";
    request.spec = spec;
    request.selector = selector;
    act([&](auto& fsm, auto now, auto& out) { fsm.create_job(ticket(), std::move(request), now, out); });
}

void Broker::cancel_one() {
    if (!fsm_ || recent_.empty()) return;
    const RunId run = recent_[chance_.between(0, recent_.size() - 1)];
    act([&](auto& fsm, auto now, auto& out) { fsm.cancel_run(ticket(), run, now, out); });
}

void Broker::plan(std::uint64_t every_ms, const std::string& selector, std::uint32_t repeat) {
    if (!fsm_) return;
    broker::JobRequest request;
    PingSpec spec;
    spec.target = "198.51.100.10";
    request.spec = spec;
    request.selector = selector;
    request.terms.repeat = repeat;
    request.schedule.emplace().when.every_ms = every_ms;
    request.terms.start_within_ms = static_cast<std::uint32_t>(std::min<std::uint64_t>(every_ms, 60'000));
    act([&](auto& fsm, auto now, auto& out) { fsm.create_plan(ticket(), std::move(request), now, out); });
}

/// What its log would say, to whoever looks into a seed.
void Broker::carry_out(broker::Noted& effect) {
    static const bool is_wanted = std::getenv("EDGE_SIM_LOG") != nullptr;
    if (is_wanted)
        std::printf("%.3f %s %s\n", static_cast<double>(timeline_.now()) / 1e6, effect.event.c_str(),
                    effect.facts.c_str());
}

void Broker::rotate_key(const std::string& node) {
    act([&](auto& fsm, auto now, auto& out) {
        fsm.order_node(ticket(), node, broker::NodeOrder::rotate_key, {}, {}, now, out);
    });
}

void Broker::change_a_plan() {
    if (!fsm_ || plans_.empty()) return;
    const JobId job = *std::next(plans_.begin(), static_cast<std::ptrdiff_t>(chance_.between(0, plans_.size() - 1)));
    broker::JobChange change;
    switch (chance_.between(0, 3)) {
        case 0:
            change.is_paused = true;
            break;
        case 1:
            change.params = Json{{"target", "198.51.100." + std::to_string(chance_.between(1, 200))}};
            break;
        default:
            change.is_paused = false;
    }
    act([&](auto& fsm, auto now, auto& out) { fsm.change_plan(ticket(), job, std::move(change), now, out); });
}

void Broker::delete_a_plan() {
    if (!fsm_ || plans_.empty()) return;
    const JobId job = *plans_.begin();
    const auto asked = ticket();
    deletions_[static_cast<std::uint64_t>(asked)] = job;
    act([&](auto& fsm, auto now, auto& out) { fsm.remove_plan(asked, job, now, out); });
}

void Broker::carry_out(broker::PlanAnswer& effect) {
    const auto deletion = deletions_.extract(static_cast<std::uint64_t>(effect.ticket));
    if (!deletion && effect.job) {
        plans_.insert(effect.job.value());
        planned_once_.insert(effect.job.value());
    }
    if (!deletion) return;
    if (effect.job || effect.job.error().code == Errc::not_found) plans_.erase(deletion.mapped());
}

// ── what its threads do ──

void Broker::carry_out(broker::Actions& actions) {
    for (auto& one : actions.writes) {
        if (broken_ == Break::ack_before_commit) tell_committed({one.id}, 0);
        writes_.push_back(std::move(one));
    }
    if (!writes_.empty()) write_later(chance_.between(kMs / 2, 12 * kMs));
    for (auto& asked : actions.look_ups) look_up(std::move(asked));
    for (auto& effect : actions.effects) {
        std::visit([this](auto& one) { carry_out(one); }, effect);
    }
    arm();
}

void Broker::write_later(Us delay) {
    if (std::exchange(writing_, true)) return;
    later(delay, [this] { write(); });
}

/// One transaction for all that waits, as GroupWriter makes it; the core hears of it a little later.
void Broker::write() {
    writing_ = false;
    std::vector<broker::Batch> batches;
    for (auto& one : writes_) {
        if (broken_ == Break::recovered_dropped) drop_recovered(one.batch);
        batches.push_back(one.batch);
    }
    const auto applied = store_.apply(batches);
    if (!applied && applied.error().code != Errc::unavailable)
        throw Violation("what the core writes can be written: " + applied.error().message());
    std::vector<broker::WriteId> done, refused;
    std::deque<broker::Write> kept;
    for (auto& one : writes_) {
        if (applied)
            done.push_back(one.id);
        else if (one.may_fail)
            refused.push_back(one.id);
        else
            kept.push_back(std::move(one));
    }
    writes_ = std::move(kept);
    if (applied) {
        for (const auto& batch : batches) ledger_.committed(batch);
        if (broken_ == Break::write_twice) ledger_.committed(batches.front());
    }
    if (!writes_.empty()) write_later(250 * kMs);
    const Us delay = chance_.between(0, 2 * kMs);
    tell_committed(std::move(done), delay);
    later(delay, [this, refused] {
        const Error no_space{Errc::unavailable, {}, "no space"};
        for (const auto id : refused) act([&](auto& fsm, auto now, auto& out) { fsm.failed(id, no_space, now, out); });
    });
}

void Broker::tell_committed(std::vector<broker::WriteId> writes, Us delay) {
    later(delay, [this, writes = std::move(writes)] {
        for (const auto id : writes) act([&](auto& fsm, auto now, auto& out) { fsm.committed(id, now, out); });
    });
}

/// Answers come in the order asked, as from the one thread that reads.
void Broker::look_up(broker::LookUp asked) {
    later(2 * kMs, [this, asked = std::move(asked)] {
        const broker::LookedUp found{store_.runs_of(asked.tasks, asked.runs).value(),
                                     store_.known_rids(asked.spool, asked.rids).value()};
        act([&](auto& fsm, auto now, auto& out) { fsm.looked_up(asked.session, found, now, out); });
    });
}

void Broker::arm() {
    const auto due = fsm_->next_deadline();
    if (!due || (armed_ && *armed_ <= timeline_.of_mono(*due))) return;
    armed_ = timeline_.of_mono(*due);
    timeline_.at(*armed_, [this, life = life_] {
        if (life != life_ || !fsm_) return;
        armed_.reset();
        act([](auto& fsm, auto now, auto& out) { fsm.tick(now, out); });
    });
}

void Broker::carry_out(broker::SendTo& effect) {
    const auto at = sinks_.find(effect.session);
    if (at == sinks_.end()) return;
    later(0, [session = at->second, envelopes = std::move(effect.envelopes)]() mutable {
        session->send(std::move(envelopes));
    });
}

void Broker::carry_out(broker::CloseSession& effect) {
    const auto node = sinks_.extract(effect.session);
    if (node) later(0, [session = node.mapped(), why = effect.why] { session->go_away(why); });
}

void Broker::carry_out(broker::JoinAnswer& effect) {
    const auto node = joining_.extract(static_cast<std::uint64_t>(effect.ticket));
    if (!node) return;
    if (const auto* welcome = std::get_if<link::Welcome>(&effect.answer)) sinks_[welcome->session_id] = node.mapped();
    if (const auto* reject = std::get_if<link::Reject>(&effect.answer);
        reject && (reject->code == link::RejectCode::locked || reject->code == link::RejectCode::stale_counter))
        throw Violation("no node is locked: " + reject->text);
    later(0, [session = node.mapped(), answer = std::move(effect.answer)]() mutable {
        session->joined(std::move(answer));
    });
}

void Broker::carry_out(broker::JobAnswer& effect) {
    if (!effect.run || effect.run.value().state == broker::RunState::finished) return;
    recent_.push_back(effect.run.value().id);
    if (recent_.size() > 32) recent_.pop_front();
}

}  // namespace edge::sim
