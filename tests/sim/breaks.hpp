// Each promise broken on purpose, by a small lie of what surrounds the system, so that it is seen that it would be
// noticed, and as what.
#pragma once
#include <algorithm>
#include <array>
#include <optional>
#include <string_view>

#include "tests/sim/faults.hpp"

namespace edge::sim {

enum class Break {
    none,
    // An agent's disk.
    sync_is_a_lie,      // says that it synced, and did not
    disk_emptied,       // comes back empty when the power was cut
    counter_forgotten,  // the join counter is not written down
    forget_fired,       // … nor which ticks fired
    forget_when_sent,   // a result is let go of when it was sent, not acknowledged
    kept_too_short,     // … or as soon as it is acknowledged
    // An agent's loop.
    start_before_commit,  // what is not written down is started
    sleep_over_ticks,     // is not woken for every tick
    room_not_made,        // goes on with a session in which there is no room
    // The wire.
    credit_raised,  // says more than the broker granted
    // The broker's threads and its store.
    ack_before_commit,  // told as committed before it is written
    writes_stall,       // nothing more is written
    write_twice,        // a result is taken a second time
    attempt_made_up,    // … and as another attempt's
    result_made_up,     // … or, superseded, as one that nobody made
    tick_twice,         // a tick's run is taken a second time
    end_undone,         // a task that has ended is put back to running
    task_end_dropped,   // … or never ends
    run_end_dropped,    // a run never ends
    run_miscounted,     // … or with one task too many
    gap_untold,         // the node's event of a gap is dropped
    recovered_dropped,  // what nodes send again of unknown tasks is acknowledged and not stored
    restore_unsaid,     // a backup becomes the store, and no new generation says so
};

/// The violation that it is to be noticed by, and what goes wrong beside it.
struct BreakTerms {
    Break broken;
    std::string_view name;
    std::string_view noticed_by;
    std::optional<Fault> fault = std::nullopt, other_fault = fault;
};
inline constexpr std::array kBreaks{
    BreakTerms{Break::sync_is_a_lie, "sync_is_a_lie", "numbers go on", Fault::agent_power_cut},
    BreakTerms{Break::disk_emptied, "disk_emptied", "nothing lost", Fault::agent_power_cut, Fault::partition},
    BreakTerms{Break::counter_forgotten, "counter_forgotten", "no node is locked", Fault::agent_killed},
    BreakTerms{Break::forget_fired, "forget_fired", "started once", Fault::agent_killed},
    BreakTerms{Break::forget_when_sent, "forget_when_sent", "started once", Fault::connection_cut},
    BreakTerms{Break::kept_too_short, "kept_too_short", "results are kept"},
    BreakTerms{Break::start_before_commit, "start_before_commit", "accepted before started"},
    BreakTerms{Break::sleep_over_ticks, "sleep_over_ticks", "a node that is up does what is due"},
    BreakTerms{Break::room_not_made, "room_not_made", "room is made in a session"},
    BreakTerms{Break::credit_raised, "credit_raised", "credit is never exceeded"},
    BreakTerms{Break::ack_before_commit, "ack_before_commit", "acknowledged is stored"},
    BreakTerms{Break::writes_stall, "writes_stall", "results go on"},
    BreakTerms{Break::write_twice, "write_twice", "stored once"},
    BreakTerms{Break::attempt_made_up, "attempt_made_up", "counted once"},
    BreakTerms{Break::result_made_up, "result_made_up", "delivered and given up is all there was"},
    BreakTerms{Break::tick_twice, "tick_twice", "a tick has one run"},
    BreakTerms{Break::end_undone, "end_undone", "an end stands"},
    BreakTerms{Break::task_end_dropped, "task_end_dropped", "everything ended: task"},
    BreakTerms{Break::run_end_dropped, "run_end_dropped", "everything ended: after three quiet hours"},
    BreakTerms{Break::run_miscounted, "run_miscounted", "counts are of tasks"},
    BreakTerms{Break::gap_untold, "gap_untold", "a gap is told"},
    BreakTerms{Break::recovered_dropped, "recovered_dropped", "acknowledged is stored", Fault::store_restored},
    BreakTerms{Break::restore_unsaid, "restore_unsaid", "acknowledged is stored", Fault::store_restored},
};

/// Null: nothing is broken.
constexpr const BreakTerms* terms_of(Break broken) {
    const auto* at = std::ranges::find(kBreaks, broken, &BreakTerms::broken);
    return at == kBreaks.end() ? nullptr : at;
}

}  // namespace edge::sim
