// Our end of one worker's STREAM socketpair: frames in and out.
#pragma once
#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <memory>
#include <string>

#include "agent/fd.hpp"
#include "protocol/worker/frames.hpp"

namespace edge::agent {

/// Executor: the one io_context. Cancel: the destructor; the listener hears nothing more.
class WorkerChannel {
  public:
    class Listener {
      public:
        virtual ~Listener() = default;
        virtual void worker_frame(std::uint32_t worker, worker::Frame frame) = 0;
        virtual void worker_broken(std::uint32_t worker, const Error& why) = 0;
        virtual void worker_hung_up(std::uint32_t worker) = 0;
    };

    WorkerChannel(boost::asio::io_context& io, std::uint32_t worker, Fd socket, Listener& listener);
    ~WorkerChannel();
    WorkerChannel(WorkerChannel&&) = delete;

    void write(const worker::Frame& frame);

  private:
    struct Open;
    std::shared_ptr<Open> open_;  // owners: this, and each pending operation until it ends
};

}  // namespace edge::agent
