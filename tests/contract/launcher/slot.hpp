// The number of one run of this suite. Network namespaces are a run's own, but control groups and user ids are the
// machine's: what a run makes of them carries its number, so that two builds can be tested at the same time.
#pragma once
#include <sys/types.h>

#include <string>

namespace edge::launcher::test {

/// The run's control group, edge-contract-NN, or with `more` another that is the run's as well.
std::string own_group(const std::string& more = "");
/// The first user id of this run's 10,000.
uid_t own_uids();

}  // namespace edge::launcher::test
