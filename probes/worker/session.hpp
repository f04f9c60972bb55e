// The worker's end of the stream to the agent: tasks in, progress and reports out.
#pragma once
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <map>
#include <string>

#include "probes/probe.hpp"
#include "protocol/worker/frames.hpp"

namespace edge::probes {

/// Owns: the stream and the tasks' probes. Executor: the io_context's one thread.
/// The agent's own numbers name tasks; exactly one Done answers each Run.
class Session {
  public:
    static constexpr std::size_t kMaxTasks = 1024;

    /// `closed` is called once, when the agent has gone or broke the protocol.
    Session(const Surroundings& around, int fd, std::function<void(const std::string& why)> closed);

    void start(std::string sandbox);

  private:
    struct Task {
        ProbePtr probe;
        boost::asio::steady_timer deadline;
    };

    void read();
    void take_frames();
    void take(const worker::Run& run);
    void take(const worker::Cancel& cancel);
    void begin(std::uint64_t number, ProbeSpec spec, std::uint64_t deadline_ms);
    void end(std::uint64_t number, ProbeReport report);
    void refuse(const worker::Run& run, Status status, Failure failure);
    void send(const worker::Frame& frame);
    void write();
    void close(const std::string& why);

    Surroundings around_;
    boost::asio::local::stream_protocol::socket stream_;
    std::function<void(const std::string&)> closed_;
    worker::FrameReader reader_;
    std::string incoming_;
    std::string outgoing_;  // waiting
    std::string writing_;   // handed to the kernel
    std::map<std::uint64_t, Task> tasks_;
    bool is_reading_ = false;
    bool is_closed_ = false;
};

}  // namespace edge::probes
