#include "tests/sim/sim_broker_session.hpp"

namespace edge::sim {
namespace {

constexpr std::uint32_t kSmallWindow = 8;  // results

}  // namespace

Broker::Broker(Timeline& timeline, Chance& chance, Ledger& ledger, Break broken)
    : timeline_(timeline), chance_(chance), ledger_(ledger), broken_(broken), lies_(broken), entropy_(chance.bits()) {}

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
    // What a node kept is many windows; for the break it would be no end of what there is to send.
    if (chance_.between(0, 1) == 0 && broken_ != Break::forget_when_sent) options.result_window = kSmallWindow;
    fsm_ = std::make_unique<broker::DomainFsm>(options, entropy_);
    auto loaded = store_.load();
    if (!loaded) throw Violation("a store can be read: " + loaded.error().message());
    plans_.clear();
    for (const auto& job : loaded.value().planned) plans_.insert(job.id);
    act([&](auto& fsm, auto now, auto& out) { fsm.load(std::move(loaded.value()), now, out); });
}

bool Broker::kill() {
    if (!fsm_) return false;
    ++life_;
    early_ += fsm_->counters().early;
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
    return true;
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
    request.terms.when_unknown = static_cast<broker::WhenUnknown>(chance_.between(0, 2));
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

}  // namespace edge::sim
