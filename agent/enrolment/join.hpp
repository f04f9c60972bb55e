// Joining a broker with what agent.toml says, as the user that the agent runs as: a command's answers about enroll().
#pragma once
#include <string>

#include "agent/settings.hpp"
#include "protocol/result.hpp"

namespace edge::agent {

/// Where the join token is: one of both.
struct JoinTokenSource {
    std::string text{};
    std::string file{};  // `-`: standard input
};
/// Without the end of its line. Errors: not_found (no such file, or unreadable), bad_value (empty, or more than one
/// line of at most 1 KiB).
Result<std::string> join_token(const JoinTokenSource& source);
/// Says why there is none; the status to end with.
int complain_of_token(const Error& error);

struct JoinOrder {
    std::string url;
    std::string token;
    std::string name;      // empty: that of agent.toml
    bool replace = false;  // the identity that there is
};
/// exit_ok and a line on stdout, or the status after a line on stderr. What a refusal leaves of the state directory
/// is what was there.
int join(const Settings& settings, const JoinOrder& order);

}  // namespace edge::agent
