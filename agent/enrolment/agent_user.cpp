#include "agent/enrolment/agent_user.hpp"

#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "agent/exit_status.hpp"

namespace edge::agent {
namespace {

bool become(const AgentUser& user) {
    const bool grouped =
        user.name.empty() ? ::setgroups(0, nullptr) == 0 : ::initgroups(user.name.c_str(), user.gid) == 0;
    return grouped && ::setresgid(user.gid, user.gid, user.gid) == 0 && ::setresuid(user.uid, user.uid, user.uid) == 0;
}

}  // namespace

std::optional<AgentUser> agent_user(const std::string& state_dir) {
    struct stat status {};
    if (::stat(state_dir.c_str(), &status) == 0) {
        const passwd* owner = ::getpwuid(status.st_uid);
        return AgentUser{status.st_uid, status.st_gid, owner != nullptr ? owner->pw_name : ""};
    }
    const passwd* user = ::getpwnam("edge-agent");
    if (user == nullptr) return std::nullopt;
    return AgentUser{user->pw_uid, user->pw_gid, user->pw_name};
}

int as_user(const AgentUser& user, const std::function<int()>& work) {
    std::fflush(nullptr);  // else the child would say it once more
    const pid_t child = ::fork();
    if (child < 0) return complain(exit_os_error, std::string("fork: ") + std::strerror(errno));
    if (child == 0) {
        int status = exit_denied;
        if (become(user))
            status = work();
        else
            complain(status, "cannot become the user " + user.text() + ": " + std::strerror(errno));
        std::fflush(nullptr);
        ::_exit(status);
    }
    int status = 0;
    while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    if (WIFEXITED(status)) return WEXITSTATUS(status);
    return complain(exit_io, std::string("the part that runs as ") + user.text() + " was ended by " +
                                 ::strsignal(WTERMSIG(status)));
}

}  // namespace edge::agent
