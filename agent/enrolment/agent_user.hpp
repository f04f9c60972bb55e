// The user that edge-agent runs as, and what is done as that user by root.
#pragma once
#include <sys/types.h>

#include <functional>
#include <optional>
#include <string>

namespace edge::agent {

struct AgentUser {
    uid_t uid = 0;
    gid_t gid = 0;
    std::string name{};  // empty: the uid has none

    /// As a command's argument: the name, or the number.
    std::string text() const { return name.empty() ? std::to_string(uid) : name; }
};

/// Who owns the state directory; where there is none, the user edge-agent. Nothing: there is no such user either.
std::optional<AgentUser> agent_user(const std::string& state_dir);

/// `work` in a child process that is this user for good; the status it answers. Executor: a program of one thread.
int as_user(const AgentUser& user, const std::function<int()>& work);

}  // namespace edge::agent
