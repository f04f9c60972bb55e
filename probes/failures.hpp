// Words for what went wrong: errno names, and whose fault an errno is as far as can be told from here. Pure.
#pragma once
#include <string>

#include "protocol/probes/report.hpp"

namespace edge::probes {

/// `ECONNREFUSED`; a number for one that has no name.
std::string errno_name(int os_errno);

/// A failed system call of phase connect, send or read.
Failure errno_failure(int os_errno, std::string phase, const std::string& peer);

/// The report of a probe that may not talk to its target. `why` may quote the target: it is cut to kMaxFailureText.
Failure denied(std::string phase, std::string why);

Failure timed_out(Source source, std::string phase, std::string what);

}  // namespace edge::probes
