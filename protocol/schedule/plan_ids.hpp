// Names and moments of what a recurring job does, which broker and agent reckon each for itself.
// Source: docs/plans.md.
#pragma once
#include <cstdint>

#include "protocol/ids.hpp"
#include "protocol/schedule/schedule.hpp"

namespace edge {

/// Of one tick of one revision of a job. Units: microseconds since 1970.
RunId planned_run(JobId job, std::uint64_t revision, std::uint64_t tick_us);
/// `repetition`: 0 and up.
TaskId planned_task(RunId run, NodeId node, const LineName& line, std::uint32_t repetition);

/// Where an interval of a job begins, so that many jobs do not begin together.
std::uint64_t phase_ms_of(JobId job, std::uint64_t every_ms);

/// How long after its tick a line's tasks begin: at most `jitter_ms`, always the same. `line` empty: of all lines of
/// the node. Units: microseconds.
std::uint64_t jitter_us_of(JobId job, NodeId node, const LineName& line, std::uint64_t jitter_ms);

}  // namespace edge
