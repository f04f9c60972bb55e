// The program's commands, each answering its exit status after at most one line on stderr about why not.
#pragma once
#include <string>

namespace edge::agent {

/// Names as in sysexits.h, which is how systemd shows them.
enum ExitStatus : int {
    exit_ok = 0,
    exit_usage = 64,
    exit_no_input = 66,     // a file is missing or unreadable
    exit_unavailable = 69,  // the broker, or the directory is in use
    exit_cannot_create = 73,
    exit_io = 74,
    exit_denied = 77,
    exit_config = 78,
};

int check_config(const std::string& config);
int enroll_node(const std::string& config, const std::string& url, const std::string& token);
int run_agent(const std::string& config);

/// `edge-agent: WHERE: WHAT; WHAT TO DO`
int complain(int status, const std::string& text);

}  // namespace edge::agent
