// How edge-agent's commands end, and the one line that says why. docs/exit-codes.md
#pragma once
#include <string>

namespace edge::agent {

/// Names as in sysexits.h, which is how systemd shows them.
enum ExitStatus : int {
    exit_ok = 0,
    exit_unwell = 1,  // doctor found something that failed; enroll was told no
    exit_usage = 64,
    exit_no_input = 66,     // a file is missing or unreadable
    exit_unavailable = 69,  // the broker, or the directory is in use
    exit_os_error = 71,     // the kernel lacks what the work needs
    exit_cannot_create = 73,
    exit_io = 74,
    exit_denied = 77,
    exit_config = 78,
};

/// `edge-agent: WHERE: WHAT; WHAT TO DO`
int complain(int status, const std::string& text);

}  // namespace edge::agent
