#include "agent/launcher/os/poller.hpp"

#include <signal.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace edge::launcher {

Result<Poller> Poller::open() {
    Poller poller;
    poller.epoll_ = Fd(::epoll_create1(EPOLL_CLOEXEC));
    if (!poller.epoll_) return os_error(errno, "epoll");
    return poller;
}

Result<> Poller::watch(int fd, Handler handler) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = fd;
    if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) return os_error(errno, "epoll");
    handlers_[fd] = std::move(handler);
    return ok();
}

void Poller::wait_until(int fd, Ready ready) {
    epoll_event event{};
    event.events = ready == Ready::to_read ? EPOLLIN : ready == Ready::to_write ? EPOLLOUT : EPOLLPRI;
    event.data.fd = fd;
    ::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, fd, &event);  // of a watched one there is nothing to refuse
}

void Poller::forget(int fd) {
    if (handlers_.erase(fd) != 0) ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
}

void Poller::wait(std::optional<std::chrono::steady_clock::time_point> deadline) {
    int timeout = -1;
    if (deadline) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(*deadline - std::chrono::steady_clock::now());
        timeout = static_cast<int>(std::clamp<std::chrono::milliseconds::rep>(left.count(), 0, 60'000));
    }
    std::array<epoll_event, 32> events;
    const int count = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), timeout);
    for (int i = 0; i < count; ++i) {
        const auto found = handlers_.find(events[static_cast<std::size_t>(i)].data.fd);
        if (found == handlers_.end()) continue;
        const Handler handler = found->second;  // a copy: it may forget itself
        handler();
    }
}

Result<Fd> termination_signals() {
    ::signal(SIGPIPE, SIG_IGN);
    ::signal(SIGHUP, SIG_IGN);  // a terminal that is lost ends nothing, and nothing is read again
    sigset_t set;
    ::sigemptyset(&set);
    ::sigaddset(&set, SIGTERM);
    ::sigaddset(&set, SIGINT);
    if (::sigprocmask(SIG_BLOCK, &set, nullptr) != 0) return os_error(errno, "sigprocmask");
    Fd fd(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
    if (!fd) return os_error(errno, "signalfd");
    return fd;
}

}  // namespace edge::launcher
