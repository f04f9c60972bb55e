// The worker's end of the stream to the agent: tasks in, progress and reports out.
#pragma once
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <deque>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "probes/probe.hpp"
#include "probes/worker/admission.hpp"
#include "protocol/worker/frames.hpp"

namespace edge::probes {

/// Owns: the stream and the tasks' probes. Executor: the io_context's one thread.
/// The agent's own numbers name tasks; exactly one Done answers each Run. One that there is no room for waits, and its
/// deadline runs meanwhile.
class Session {
  public:
    static constexpr std::size_t kMaxTasks = 1024;

    /// `closed` is called once, when the agent has gone or broke the protocol.
    Session(const Surroundings& around, int fd, std::function<void(const std::string& why)> closed);

    void start(std::string sandbox);

  private:
    struct Task {
        ProbeSpec spec;
        boost::asio::steady_timer deadline;
        ProbePtr probe{};           // empty while it waits
        bool has_waited = false;    // for room
        bool is_cut_short = false;  // by the deadline, after it had waited
        bool is_shown = false;
        std::vector<Json> unshown{};  // progress
    };

    void read();
    void take_frames();
    void take(const worker::Run& run);
    void take(const worker::Cancel& cancel);
    void begin_what_fits();
    void begin(std::uint64_t number, Task& task);
    void out_of_time(std::uint64_t number);
    void progress(std::uint64_t number, Json data);
    void show_later();
    void show_due();
    void end(std::uint64_t number, ProbeReport report);
    /// The answer for a task whose probe did not begin.
    void refuse(std::uint64_t number, Status status, Failure failure);
    void send(const worker::Frame& frame);
    void write();
    void close(const std::string& why);

    Surroundings around_;
    boost::asio::local::stream_protocol::socket stream_;
    std::function<void(const std::string&)> closed_;
    worker::FrameReader reader_;
    std::string incoming_;
    std::vector<std::string> outgoing_;  // frames waiting: a single string would double its space as it grows
    std::vector<std::string> writing_;   // handed to the kernel
    std::size_t unsent_ = 0;             // bytes of both
    std::map<std::uint64_t, Task> tasks_;
    Admission admission_;
    std::deque<std::pair<std::chrono::steady_clock::time_point, std::uint64_t>> unshown_;  // when to show which task
    boost::asio::steady_timer show_timer_;
    bool is_show_armed_ = false;
    bool is_reading_ = false;
    bool is_write_posted_ = false;
    bool is_closed_ = false;
};

}  // namespace edge::probes
