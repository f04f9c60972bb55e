// Signals as a queue of the main thread: blocked everywhere, so that no code runs inside a handler.
#pragma once
#include <pthread.h>
#include <signal.h>

#include <chrono>

namespace edge::broker {

/// Made before any other thread, which inherits what is blocked.
class Signals {
  public:
    Signals() : main_(pthread_self()) {
        sigemptyset(&set_);
        for (const int signal : {SIGTERM, SIGINT, SIGUSR1}) sigaddset(&set_, signal);
        pthread_sigmask(SIG_BLOCK, &set_, nullptr);
        ::signal(SIGPIPE, SIG_IGN);  // a closed standard error must not end the broker
        ::signal(SIGHUP, SIG_IGN);   // nor a terminal that is lost; nothing is read again
    }
    int wait() {
        int signal = 0;
        sigwait(&set_, &signal);
        return signal;
    }
    /// False when none came in time.
    bool wait_for(std::chrono::milliseconds limit) {
        timespec time{limit.count() / 1000, limit.count() % 1000 * 1'000'000};
        return sigtimedwait(&set_, nullptr, &time) > 0;
    }
    /// From any thread: wakes the waiting one.
    void wake() const { pthread_kill(main_, SIGUSR1); }

  private:
    pthread_t main_;
    sigset_t set_{};
};

}  // namespace edge::broker
