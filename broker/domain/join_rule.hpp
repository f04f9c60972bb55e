// Two holders of one key are told apart by a counter that changes hands at each join: the broker issues c + 1, the
// agent writes it down and says so. Who comes with an older one than was confirmed is a copy, or was copied from.
#pragma once
#include <cstdint>

namespace edge::broker {

enum class JoinVerdict { fresh, stale, ahead };

/// What the store knows of a node's joins.
struct JoinsKnown {
    std::uint64_t issued = 0;  // the last counter given out
    bool confirmed = true;     // the agent said that it is on its disk
    bool is_restored = false;  // the store was restored since: later ones may have been given out
};

/// A counter one behind is fresh as long as the last one was never confirmed: the agent may have stopped between
/// receiving it and writing it down. One that is ahead comes of a store that is older than the node's last session:
/// where the operator restored it that is as it must be, else he has not said so.
inline JoinVerdict judge_join(const JoinsKnown& known, std::uint64_t presented) {
    if (presented == known.issued || (!known.confirmed && known.issued > 0 && presented == known.issued - 1))
        return JoinVerdict::fresh;
    if (presented < known.issued) return JoinVerdict::stale;
    return known.is_restored ? JoinVerdict::fresh : JoinVerdict::ahead;
}

}  // namespace edge::broker
