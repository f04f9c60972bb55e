// wire --left IF --right IF [--delay-us N] [--jitter-us N] [--loss-ppm N] [--seed N]
// Prints `ready` on stdout when frames flow and its counters on stderr when told to stop.
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <array>
#include <csignal>
#include <iostream>
#include <system_error>

#include "tests/lab/wire/delay_line.hpp"
#include "tests/lab/wire/packet_socket.hpp"

namespace edge::wire {
namespace {

constexpr std::size_t kFramesUnderWay = 16384;

struct Options {
    std::string left, right;
    Impairment each_way;
    std::uint64_t seed = 1;
};

int owned(int fd, const char* what) {
    if (fd < 0) throw std::system_error(errno, std::system_category(), what);
    return fd;
}

class Fd {
  public:
    Fd(int fd, const char* what) : fd_(owned(fd, what)) {}
    ~Fd() { ::close(fd_); }
    Fd(const Fd&) = delete;
    Fd& operator=(const Fd&) = delete;
    operator int() const { return fd_; }

  private:
    int fd_;
};

/// One way of the cable: frames seen on `from` leave by `to`.
struct Way {
    PacketSocket& from;
    PacketSocket& to;
    DelayLine line;
    std::uint64_t refused = 0;

    void collect() {
        Frame frame;
        while (from.receive(frame)) line.offer(Clock::now(), std::move(frame));
    }
    void deliver() {
        while (auto frame = line.take(Clock::now())) {
            if (!to.send(*frame)) ++refused;
        }
    }
};

sigset_t stop_signals() {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigprocmask(SIG_BLOCK, &set, nullptr);
    return set;
}

void watch(int epoll, int fd) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = fd;
    if (::epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) != 0)
        throw std::system_error(errno, std::system_category(), "epoll");
}

void arm(int timer, const std::array<Way, 2>& ways) {
    std::optional<Clock::time_point> due;
    for (const auto& way : ways) {
        if (const auto next = way.line.next_due(); next && (!due || *next < *due)) due = next;
    }
    itimerspec spec{};  // all zero disarms
    if (due) {
        const auto since_boot = due->time_since_epoch();
        const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(since_boot);
        spec.it_value.tv_sec = seconds.count();
        spec.it_value.tv_nsec = (since_boot - seconds).count();
    }
    ::timerfd_settime(timer, TFD_TIMER_ABSTIME, &spec, nullptr);
}

void report(const Options& options, const std::array<Way, 2>& ways) {
    for (const auto& way : ways) {
        const auto& counters = way.line.counters();
        std::cerr << "wire " << (&way == &ways[0] ? options.left : options.right)
                  << " carried=" << counters.accepted - way.refused << " lost=" << counters.lost
                  << " overflow=" << counters.overflow << " refused=" << way.refused << '\n';
    }
}

void run(const Options& options) {
    const auto signals = stop_signals();
    PacketSocket left(options.left), right(options.right);
    std::array<Way, 2> ways{Way{left, right, DelayLine(options.each_way, options.seed, kFramesUnderWay)},
                            Way{right, left, DelayLine(options.each_way, ~options.seed, kFramesUnderWay)}};
    const Fd stop(::signalfd(-1, &signals, SFD_CLOEXEC), "signalfd");
    const Fd timer(::timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC), "timerfd");
    const Fd epoll(::epoll_create1(EPOLL_CLOEXEC), "epoll");
    for (const int fd : {left.fd(), right.fd(), static_cast<int>(timer), static_cast<int>(stop)}) watch(epoll, fd);
    std::cout << "ready" << std::endl;

    for (;;) {
        std::array<epoll_event, 4> events{};
        const int count = ::epoll_wait(epoll, events.data(), static_cast<int>(events.size()), -1);
        for (int i = 0; i < count; ++i) {
            const int fd = events[static_cast<std::size_t>(i)].data.fd;
            if (fd == stop) return report(options, ways);
            if (fd == left.fd()) ways[0].collect();
            if (fd == right.fd()) ways[1].collect();
        }
        for (auto& way : ways) way.deliver();
        arm(timer, ways);  // setting it again also clears what has expired
    }
}

}  // namespace
}  // namespace edge::wire

int main(int argc, char** argv) {
    edge::wire::Options options;
    std::int64_t delay_us = 0, jitter_us = 0;
    CLI::App app("Carries Ethernet frames between two devices with delay, jitter and loss, each way alike");
    app.add_option("--left", options.left, "device at one end")->required();
    app.add_option("--right", options.right, "device at the other end")->required();
    app.add_option("--delay-us", delay_us, "what a frame takes")->check(CLI::Range(0, 10'000'000));
    app.add_option("--jitter-us", jitter_us, "a frame takes delay ± jitter")->check(CLI::Range(0, 10'000'000));
    app.add_option("--loss-ppm", options.each_way.loss_ppm, "frames lost of a million")
        ->check(CLI::Range(0, 1'000'000));
    app.add_option("--seed", options.seed, "of the random numbers");
    CLI11_PARSE(app, argc, argv);
    options.each_way.delay = std::chrono::microseconds(delay_us);
    options.each_way.jitter = std::chrono::microseconds(jitter_us);
    if (jitter_us > delay_us) {
        std::cerr << "wire: --jitter-us: " << jitter_us
                  << " is above the delay; a frame cannot arrive before it leaves\n";
        return 64;
    }
    try {
        edge::wire::run(options);
        return 0;
    } catch (const std::system_error& error) {
        std::cerr << "wire: " << error.what() << '\n';
        return 71;
    }
}
