#include "tests/sim/world.hpp"

namespace edge::sim {
namespace {

// A fatal reject is tried again after 15 minutes, what a node lost without a word is given up by its run's deadline.
constexpr Us kLongestEnd = 3 * 60 * kMinute;
constexpr Us kLongestStandstill = 60 * kMinute;  // while more is asked

}  // namespace

World::World(WorldSettings settings)
    : settings_(settings), chance_(settings.seed), broker_(timeline_, chance_, ledger_, settings.broken) {}

void World::add_node(std::size_t number) {
    const auto dial = [this, number](const std::shared_ptr<WireEnd>& end) -> std::shared_ptr<Wire> {
        if (!broker_.is_up() || timeline_.now() < apart_until_[number]) return nullptr;
        auto wire = std::make_shared<Wire>(timeline_, chance_, weather_, messages_);
        wire->attach(Wire::agent, end);
        timeline_.after(0, [this, wire] {
            if (broker_.is_up() && wire->is_open())
                broker_.accept(wire);
            else
                wire->cut();
        });
        return wire;
    };
    apart_until_.push_back(0);
    nodes_.push_back(
        std::make_unique<Node>(timeline_, chance_, ledger_, number, dial, settings_.broken, settings_.spool_bytes));
    Node& node = *nodes_.back();
    node.enrolled(broker_.enroll("node-" + std::to_string(number), node.public_key()));
    node.start();
}

void World::run() {
    broker_.start();
    for (std::size_t number = 0; number < settings_.nodes; ++number) add_node(number);
    ask_again();
    fault_again();
    back_up_again();
    Us moved = timeline_.now();
    for (std::size_t most = 0; !enough() && timeline_.step();) {
        if (ledger_.stored() > most) {
            most = ledger_.stored();
            moved = timeline_.now();
        }
        if (timeline_.now() > moved + kLongestStandstill)
            throw Violation("results go on: none more was stored for an hour" + standing());
    }
    come_to_rest();
}

void World::run_restore(Us age) {
    broker_.set_heartbeat(std::chrono::seconds(30));  // 45 s of silence end a session
    broker_.start();
    for (std::size_t number = 0; number < settings_.nodes; ++number) add_node(number);
    pass(kMinute);
    broker_.back_up();
    constexpr Us kAsks = 20;
    for (Us i = 0; i < kAsks; ++i) {
        broker_.ask("carrier:ct");
        pass(age / kAsks);
    }
    if (!broker_.restore_some()) throw Violation("a backup is made: there is none");
    if (ledger_.given_up() > 0) throw Violation("results are kept: " + std::to_string(ledger_.given_up()) + " are not");
    pass(kMinute);
    come_to_rest();
}

void World::run_apart(Us length) {
    begin_steadily();
    for (Us& until : apart_until_) until = timeline_.now() + length;
    for (const auto& node : nodes_) node->cut();
    pass(length);
    end_with_gaps();
}

void World::run_stuck(Us length) {
    begin_steadily();
    broker_.set_space(false);
    pass(length);
    for (const auto& node : nodes_) {
        if (node->ended_for_room() == 0) throw Violation("room is made in a session: none was ended for it");
    }
    end_with_gaps();
}

/// Ten results a second of each node, by its plan.
void World::begin_steadily() {
    broker_.set_heartbeat(std::chrono::seconds(30));
    broker_.start();
    for (std::size_t number = 0; number < settings_.nodes; ++number) add_node(number);
    pass(kMinute);
    broker_.plan(kSecond / kMs, "telecom", 10);
    pass(10 * kSecond);
}

void World::end_with_gaps() {
    come_to_rest();
    if (ledger_.stored() + ledger_.in_gaps() != ledger_.made())
        throw Violation("delivered and given up is all there was: " + std::to_string(ledger_.made()) + " made");
    for (const std::uint64_t told : {broker_.results_in_gaps(), ledger_.told_in_gaps()}) {
        if (told != ledger_.in_gaps())
            throw Violation("a gap is told: of " + std::to_string(told) + ", not of " +
                            std::to_string(ledger_.in_gaps()) + " (the broker counts " +
                            std::to_string(broker_.results_in_gaps()) + ")");
    }
}

void World::pass(Us time) {
    const Us until = timeline_.now() + time;
    timeline_.at(until, [] {});
    while (timeline_.now() < until && timeline_.step()) {
    }
}

void World::come_to_rest() {
    heal();
    const Us until = timeline_.now() + kLongestEnd;
    Us look_at = timeline_.now();
    while (true) {
        if (timeline_.now() >= look_at) {
            broker_.delete_a_plan();
            if (is_quiet()) break;
            look_at = timeline_.now() + kSecond;
        }
        if (timeline_.now() > until) throw Violation("everything ended: after three quiet hours" + standing());
        if (!timeline_.step()) throw Violation("everything ended: nothing is to happen any more" + standing());
    }
    ledger_.check_end();
}

bool World::is_quiet() const {
    for (const auto& node : nodes_) {
        if (!node->is_quiet()) return false;
    }
    return ledger_.unended_runs() == 0 && broker_.plans() == 0;
}

std::string World::standing() const {
    std::string text = "; unended runs " + std::to_string(ledger_.unended_runs());
    for (const auto& node : nodes_) text += "; " + node->standing();
    return text;
}

void World::ask_again() {
    timeline_.after(chance_.between(200 * kMs, 2 * kSecond), [this] {
        if (enough()) return;
        constexpr const char* kSelectors[]{"all", "all", "telecom", "node:node-0", "all limit:4", "-unicom"};
        broker_.ask(kSelectors[chance_.between(0, std::size(kSelectors) - 1)]);
        if (chance_.permille(60)) {
            timeline_.after(chance_.between(0, 2 * kSecond), [this] { broker_.cancel_one(); });
        }
        constexpr std::uint64_t kEvery[]{7'000, 20'000, 90'000};
        if (broker_.plans() < std::size(kEvery)) broker_.plan(kEvery[broker_.plans()]);
        if (chance_.permille(30)) broker_.change_a_plan();
        // Each once: a backup may be older than two keys.
        if (rotated_ < nodes_.size() && broker_.is_up() && chance_.permille(20))
            broker_.rotate_key("node-" + std::to_string(rotated_++));
        ask_again();
    });
}

void World::back_up_again() {
    timeline_.after(chance_.between(2 * kSecond, 30 * kSecond), [this] {
        if (healed_) return;
        broker_.back_up();
        back_up_again();
    });
}

void World::heal() {
    healed_ = true;
    weather_ = Weather();
    for (Us& until : apart_until_) until = 0;
    broker_.set_space(true);
    broker_.start();
    for (const auto& node : nodes_) node->start();
}

}  // namespace edge::sim
