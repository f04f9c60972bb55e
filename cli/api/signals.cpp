#include "cli/api/signals.hpp"

#include <poll.h>
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

bool Signals::take() {
    signalfd_siginfo info;
    if (fd_ < 0 || read(fd_, &info, sizeof info) != sizeof info) return false;
    is_interrupt_ = info.ssi_signo == SIGINT;
    return true;
}

bool Signals::came() {
    came_ = take() || came_;
    return came_;
}

bool Signals::comes_again(std::chrono::milliseconds within) {
    if (!came_ || !is_interrupt_) return false;
    came_ = false;
    pollfd signal{fd_, POLLIN, 0};
    return poll(&signal, 1, static_cast<int>(within.count())) == 1 && take() && is_interrupt_;
}

}  // namespace edge::cli
