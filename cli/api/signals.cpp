#include "cli/api/signals.hpp"

#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

namespace edge::cli {

Signals::Signals() {
    sigset_t wanted;
    sigemptyset(&wanted);
    sigaddset(&wanted, SIGINT);
    sigaddset(&wanted, SIGTERM);
    fd_ = signalfd(-1, &wanted, SFD_NONBLOCK | SFD_CLOEXEC);
    if (fd_ >= 0) sigprocmask(SIG_BLOCK, &wanted, nullptr);
}

Signals::~Signals() {
    if (fd_ >= 0) close(fd_);
}

bool Signals::came() {
    signalfd_siginfo info;
    if (fd_ >= 0 && read(fd_, &info, sizeof info) == sizeof info) came_ = true;
    return came_;
}

}  // namespace edge::cli
