// A promise broken on purpose, so that it is seen that the ledger would notice.
#pragma once
#include <array>
#include <string_view>

namespace edge::sim {

enum class Break {
    none,
    sync_is_a_lie,        // the agent's disk says that it synced, and did not
    start_before_commit,  // the agent starts what it has not written down
    forget_when_sent,     // the agent lets go of a result that was sent, not acknowledged
    ack_before_commit,    // the broker tells what it has not written
    write_twice,          // the store takes a transaction a second time
    forget_fired,         // the agent does not write down which ticks fired
    sleep_over_ticks,     // the agent is not woken for every tick
    restore_unsaid,       // a backup becomes the store, and no new generation says so
    recovered_dropped,    // what nodes send again of unknown tasks is acknowledged and not stored
};
inline constexpr std::array<std::string_view, 10> kBreakNames{
    "none",        "sync_is_a_lie", "start_before_commit", "forget_when_sent", "ack_before_commit",
    "write_twice", "forget_fired",  "sleep_over_ticks",    "restore_unsaid",   "recovered_dropped"};

}  // namespace edge::sim
