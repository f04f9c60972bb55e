// Two holders of one key are told apart by a counter that changes hands at each join: the broker issues c + 1, the
// agent writes it down and says so. Who comes with an older one than was confirmed is a copy, or was copied from.
#pragma once
#include <cstdint>

namespace edge::broker {

enum class JoinVerdict { fresh, stale };

/// `issued`: the last counter given out; `confirmed`: the agent said that it is on its disk. A counter one behind is
/// fresh as long as that was never said: the agent may have stopped between receiving it and writing it down.
inline JoinVerdict judge_join(std::uint64_t issued, bool confirmed, std::uint64_t presented) {
    const bool fresh = presented == issued || (!confirmed && issued > 0 && presented == issued - 1);
    return fresh ? JoinVerdict::fresh : JoinVerdict::stale;
}

}  // namespace edge::broker
