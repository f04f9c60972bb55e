// The tight system call filter of a worker, put on after everything that opens files has run.
#pragma once
#include "protocol/result.hpp"

namespace edge::probes {

/// From here on: files answer ENOENT, a call, socket kind or socket option that is on no list ENOSYS, escape calls kill
/// the process. Sets no_new_privs. Cannot be undone. Errors: io with what libseccomp said.
/// `by_itself`: SO_BINDTODEVICE may be set as well.
enum class Binding { done, by_itself };
Result<> seal_system_calls(Binding binding = Binding::done);

}  // namespace edge::probes
