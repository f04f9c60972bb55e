// `edge-agent enroll`: an installed machine becomes a node. As root all of it, each step told in a line; as another
// user joining alone.
#pragma once
#include <cstdint>
#include <optional>
#include <string>

#include "agent/enrolment/join.hpp"

namespace edge::agent {

struct EnrollCommand {
    std::string url{};
    JoinTokenSource token{};
    std::string name{};  // empty: that of agent.toml
    bool replace = false;
    bool yes = false;          // take the proposed lines unasked
    std::string lines_file{};  // these instead; empty: what is found is proposed
    bool no_lines = false;
    bool no_start = false;
    std::optional<std::uint32_t> wait_s{};  // for connected; none: 30 where something was started
};

/// What is done already stays as it is, so that it may be said again: after a failure, or by a program that wants the
/// node enrolled. Files that it made are taken back unless the node has joined. The status is of docs/exit-codes.md.
int enroll_node(const std::string& config, const EnrollCommand& command);

}  // namespace edge::agent
