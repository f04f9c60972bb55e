// Readiness of a descriptor that a library owns (c-ares, libcurl), told by the io_context.
#pragma once
#include <boost/asio/posix/stream_descriptor.hpp>
#include <functional>
#include <memory>

namespace edge::probes {

/// Owns: nothing; the descriptor stays the library's and forget() must come before the library closes it.
/// Shared by its owner's table and its pending waits.
class FdWatch : public std::enable_shared_from_this<FdWatch> {
  public:
    struct Ready {
        bool read = false;
        bool write = false;
    };
    using Callback = std::function<void(int fd, Ready)>;

    FdWatch(boost::asio::io_context& io, int fd, Callback ready);

    /// What to tell from now on. Level-triggered: told again as long as it is so.
    void want(bool read, bool write);
    void forget();

  private:
    void wait(bool write);

    boost::asio::posix::stream_descriptor descriptor_;
    int fd_;
    Callback ready_;
    bool want_[2]{};  // read, write
    bool waiting_[2]{};
};

}  // namespace edge::probes
