// The program's commands, each answering its exit status after at most one line on stderr about why not.
#pragma once
#include <string>

#include "protocol/result.hpp"

namespace edge::agent {

/// Names as in sysexits.h, which is how systemd shows them.
enum ExitStatus : int {
    exit_ok = 0,
    exit_unwell = 1,  // doctor found something that failed
    exit_usage = 64,
    exit_no_input = 66,     // a file is missing or unreadable
    exit_unavailable = 69,  // the broker, or the directory is in use
    exit_cannot_create = 73,
    exit_io = 74,
    exit_denied = 77,
    exit_config = 78,
};

/// Where the join token is: one of both.
struct JoinTokenSource {
    std::string text{};
    std::string file{};  // `-`: standard input
};
/// Without the end of its line. Errors: not_found (no such file, or unreadable), bad_value (empty, or more than one
/// line of at most 1 KiB).
Result<std::string> join_token(const JoinTokenSource& source);

int check_config(const std::string& config);
struct EnrollCommand {
    std::string url{};
    JoinTokenSource token{};
    std::string name{};  // empty: that of agent.toml
    bool replace = false;
};
int enroll_node(const std::string& config, const EnrollCommand& command);
/// Of an agent that is stopped: a new key is made, and offered to the broker when it runs again.
int rotate_key(const std::string& config);
int run_agent(const std::string& config);
/// exit_ok, or exit_unwell when something failed. `as_json`: for a program.
int run_doctor(const std::string& config, bool as_json);
/// `language` is en or zh.
int report_site(const std::string& config, const std::string& language);

/// `edge-agent: WHERE: WHAT; WHAT TO DO`
int complain(int status, const std::string& text);

}  // namespace edge::agent
