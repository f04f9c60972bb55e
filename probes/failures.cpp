#include "probes/failures.hpp"

#include <cerrno>
#include <cstring>

#include "protocol/cut_text.hpp"

namespace edge::probes {

std::string errno_name(int os_errno) {
    const char* name = strerrorname_np(os_errno);
    return name ? name : std::to_string(os_errno);
}

Failure errno_failure(int os_errno, std::string phase, const std::string& peer) {
    Source source = Source::target;
    switch (os_errno) {
        case ENETUNREACH:  // no route in the line's table, or its `unreachable` rule
        case ENETDOWN:
        case ENODEV:
        case EADDRNOTAVAIL:
        case EPERM:  // the line's guard
        case EACCES:
            source = Source::line;
            break;
        case EHOSTUNREACH:
        case ETIMEDOUT:
        case EMSGSIZE:
            source = Source::path;
            break;
        case EMFILE:
        case ENFILE:
        case ENOBUFS:
        case ENOMEM:
            source = Source::agent;
            break;
        default:
            break;
    }
    return Failure{source, std::move(phase), errno_name(os_errno), peer + ": " + std::strerror(os_errno)};
}

Failure denied(std::string phase, std::string why) {
    cut_text(why, kMaxFailureText);  // it may quote a redirect of 8 KiB
    return Failure{Source::policy, std::move(phase), "denied", std::move(why)};
}

Failure timed_out(Source source, std::string phase, std::string what) {
    return Failure{source, std::move(phase), "timeout", std::move(what)};
}

}  // namespace edge::probes
