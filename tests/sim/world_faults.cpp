// What goes wrong in a run: one thing after another, until all is healed.
#include <cerrno>

#include "tests/sim/world.hpp"

namespace edge::sim {
namespace {

constexpr Weather kSlow{.latency_from = 500 * kMs, .latency_to = 8 * kSecond};
constexpr Weather kBroken{.twice = 50, .swapped = 50, .vanishes = 50, .again = 50};

}  // namespace

/// Where a promise is broken on purpose only what that takes: another one's breach shall not come first.
std::optional<Fault> World::next_fault() {
    if (const auto* terms = terms_of(settings_.broken))
        return chance_.permille(500) ? terms->fault : terms->other_fault;
    return static_cast<Fault>(chance_.between(0, kFaultNames.size() - 1));
}

void World::fault_again() {
    timeline_.after(chance_.between(200 * kMs, 6 * kSecond), [this] {
        if (healed_) return;
        const auto fault = next_fault();
        if (!fault) return;
        // A lost disk takes what was on it along; were it as frequent as the others there would be little to look at.
        // … and so it is with what was stored after a backup.
        const bool is_seldom = *fault == Fault::agent_disk_lost || *fault == Fault::store_restored;
        if (!is_seldom || chance_.permille(300)) faults_[static_cast<std::size_t>(*fault)] += make(*fault);
        fault_again();
    });
}

/// False: there was nothing that it could befall.
bool World::make(Fault fault) {
    const auto back_in = [this] { return chance_.between(100 * kMs, chance_.permille(100) ? kMinute : 4 * kSecond); };
    const auto broker_is_back_in = [this](Us delay) { timeline_.after(delay, [this] { broker_.start(); }); };
    switch (fault) {
        case Fault::agent_killed:
            any_node().kill();
            break;
        case Fault::agent_power_cut:
            any_node().cut_power();
            break;
        case Fault::agent_power_cut_while_writing:
            return any_node().cut_power_while_writing();
        case Fault::agent_disk_lost:
            any_node().lose_disk();
            break;
        case Fault::agent_disk_full:
            any_node().fail_write(ENOSPC);
            break;
        case Fault::agent_write_failed:
            any_node().fail_write(EIO);
            break;
        case Fault::agent_sync_failed:
            any_node().fail_sync(EIO);
            break;
        case Fault::agent_clock_stepped:
            any_node().set_clock(static_cast<std::int64_t>(chance_.between(0, 2 * 3'600 * kSecond)) -
                                 static_cast<std::int64_t>(3'600 * kSecond));
            break;
        case Fault::broker_killed:
        case Fault::broker_stopped: {
            const bool was_up = fault == Fault::broker_killed ? broker_.kill() : broker_.stop();
            broker_is_back_in(back_in());
            return was_up;
        }
        case Fault::store_full:
            broker_.set_space(false);
            timeline_.after(back_in(), [this] { broker_.set_space(true); });
            break;
        case Fault::store_restored:
            if (!broker_.restore_some()) return false;
            broker_is_back_in(back_in());
            break;
        case Fault::connection_cut:
            return any_node().cut();
        case Fault::half_open_up:
            return any_node().go_silent(Wire::agent);
        case Fault::half_open_down:
            return any_node().go_silent(Wire::broker);
        case Fault::partition:
            part(chance_.between(0, nodes_.size() - 1));
            break;
        case Fault::slow_network:
        case Fault::broken_box:
            weather_for(chance_.between(kSecond, 20 * kSecond), fault == Fault::slow_network ? kSlow : kBroken);
            break;
    }
    return true;
}

void World::part(std::size_t number) {
    apart_until_[number] = timeline_.now() + chance_.between(kSecond, 2 * kMinute);
    if (chance_.permille(500)) {
        nodes_[number]->cut();
        return;
    }
    nodes_[number]->go_silent(Wire::agent);
    nodes_[number]->go_silent(Wire::broker);
}

void World::weather_for(Us time, Weather weather) {
    weather_ = weather;
    timeline_.after(time, [this, no = ++weather_no_] {
        if (no == weather_no_) weather_ = Weather();
    });
}

}  // namespace edge::sim
