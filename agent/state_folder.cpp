#include "agent/state_folder.hpp"

#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/exit_status.hpp"

namespace edge::agent {

int complain_of_directory(const Error& error, const std::string& path) {
    const std::string what = error.message();
    switch (error.code) {
        case Errc::not_found:
            return complain(
                exit_no_input,
                path + ": not there; create it, owned by the user edge-agent runs as, or set [agent] state_dir");
        case Errc::denied:
            return complain(exit_cannot_create, what + "; chown it to the user edge-agent runs as");
        case Errc::conflict:
            return complain(exit_unavailable, what + "; stop that one, or give each its own state_dir");
        default:
            return complain(exit_io, what);
    }
}

std::optional<int> complain_of_owner(const std::string& directory) {
    struct stat status {};
    if (::geteuid() != 0 || ::stat(directory.c_str(), &status) != 0 || status.st_uid == 0) return std::nullopt;
    const passwd* owner = ::getpwuid(status.st_uid);
    const std::string name = owner != nullptr ? owner->pw_name : "#" + std::to_string(status.st_uid);
    return complain(exit_denied, directory + ": belongs to " + name + "; run this as that user: runuser -u " + name +
                                     " -- edge-agent ...");
}

}  // namespace edge::agent
