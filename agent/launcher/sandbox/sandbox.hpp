// A worker's cage: what is in it, and how a process gets into it and cannot get out. Read with cage.cpp, which is what
// the new process does; here is what the launcher does.
#pragma once
#include <chrono>

#include "agent/launcher/sandbox/cgroups.hpp"
#include "agent/launcher/sandbox/spawner.hpp"
#include "protocol/result.hpp"

namespace edge::launcher {

/// Starts a program of the spawner's image in a new sandbox, with an empty environment: born as `birth` says, but for
/// its control socket, which is made here, and put into `group`. Returns when it has been executed, some milliseconds
/// later. Errors: io, `where` being the step that failed; then nothing is left running.
Result<Newborn> start_worker(Spawner& spawner, Birth birth, const WorkerGroup& group);

/// Kills it, and waits for its end for two seconds: one that cannot be killed is not to stop the launcher.
void end_newborn(const Newborn& worker);
/// Takes note of the end of one that was killed, if it comes until then.
void wait_for_end(const Newborn& worker, std::chrono::steady_clock::time_point until);

}  // namespace edge::launcher
