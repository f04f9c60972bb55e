#include "probes/reactor/fd_watch.hpp"

#include <utility>

namespace edge::probes {

namespace asio = boost::asio;

FdWatch::FdWatch(asio::io_context& io, int fd, Callback ready)
    : descriptor_(io, fd), fd_(fd), ready_(std::move(ready)) {}

void FdWatch::want(bool read, bool write) {
    want_[0] = read;
    want_[1] = write;
    if (read) wait(false);
    if (write) wait(true);
}

void FdWatch::wait(bool write) {
    if (waiting_[write] || !descriptor_.is_open()) return;
    waiting_[write] = true;
    const auto what = write ? asio::posix::descriptor_base::wait_write : asio::posix::descriptor_base::wait_read;
    descriptor_.async_wait(what, [self = shared_from_this(), write](boost::system::error_code error) {
        self->waiting_[write] = false;
        if (error || !self->descriptor_.is_open()) return;
        if (!self->want_[write]) return;
        self->ready_(self->fd_, Ready{!write, write});
        if (self->want_[write]) self->wait(write);
    });
}

void FdWatch::forget() {
    want_[0] = want_[1] = false;
    if (descriptor_.is_open()) descriptor_.release();
}

}  // namespace edge::probes
