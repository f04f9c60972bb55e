#include "agent/plan/wall_timer.hpp"

#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace edge::agent {
namespace {

constexpr std::uint64_t kNever = 9'000'000'000'000'000;  // in the year 2255: the clock's being set is still told

}  // namespace

Result<> WallTimer::start() {
    const int fd = ::timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK);
    if (fd < 0) return os_error(errno, "timerfd_create", "needed for recurring jobs");
    descriptor_.assign(fd);
    started_ = true;
    arm();
    wait();
    return ok();
}

void WallTimer::set(std::optional<std::uint64_t> wall_us) {
    if (wall_us == at_us_) return;
    at_us_ = wall_us;
    if (started_) arm();
}

void WallTimer::arm() {
    const std::uint64_t at = std::clamp<std::uint64_t>(at_us_.value_or(kNever), 1, kNever);
    itimerspec when{};
    when.it_value.tv_sec = static_cast<time_t>(at / 1'000'000);
    when.it_value.tv_nsec = static_cast<long>(at % 1'000'000 * 1'000);
    // A moment that is past fires at once.
    (void)::timerfd_settime(descriptor_.native_handle(), TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &when, nullptr);
}

void WallTimer::wait() {
    descriptor_.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                           [this](const boost::system::error_code& e) {
                               if (e) return;
                               std::uint64_t fired = 0;
                               const auto got = ::read(descriptor_.native_handle(), &fired, sizeof fired);
                               if (got < 0 && errno == ECANCELED)
                                   arm();  // the clock was set; the timer would not tell of a second time
                               if (got >= 0) at_us_.reset();
                               woken_();
                               wait();
                           });
}

}  // namespace edge::agent
