// What a ping decides: when to send, which packet is an answer, what is lost, when it is over. Pure: events and times
// in, a step out.
#pragma once
#include <chrono>
#include <optional>
#include <vector>

#include "probes/ping/icmp_echo.hpp"
#include "protocol/probes/report.hpp"

namespace edge::probes {

/// An instant on both clocks. The kernel stamps packets on the wall clock, which may jump; the other never does.
struct Instant {
    std::chrono::steady_clock::time_point steady;
    std::chrono::nanoseconds wall{};  // since 1970
};

class PingCore {
  public:
    struct Packet {
        std::uint16_t seq = 0;
        Bytes bytes;
    };
    /// What to do now.
    struct Step {
        std::optional<Packet> send;                                 // then call sent() or send_failed()
        std::vector<PingReply> news;                                // decided just now: for progress
        std::optional<std::chrono::steady_clock::time_point> wake;  // empty: nothing more will happen
        bool over = false;
    };
    struct Arrival {
        std::span<const std::uint8_t> message;
        std::string from;
        std::optional<std::uint32_t> ttl;
        std::chrono::steady_clock::time_point seen;
        std::optional<std::chrono::nanoseconds> stamped;  // by the kernel, wall clock
    };

    PingCore(const PingSpec& spec, bool v6, std::string target, const Cookie& cookie,
             std::chrono::steady_clock::time_point start);

    Step tick(std::chrono::steady_clock::time_point now);
    Step sent(std::uint16_t seq, Instant at);
    Step send_failed(std::uint16_t seq, Instant at, std::string error);
    Step arrived(const Arrival& arrival);
    /// An ICMP error about one of our requests. `from` is the router that says so.
    Step refused(std::uint16_t seq, std::string error, std::string from, std::chrono::steady_clock::time_point now);

    bool anything_received() const { return received_ > 0; }
    bool all_received() const { return received_ == spec_.count; }
    /// The first request that was answered by an error, if any.
    const PingReply* first_error() const;
    PingDetail detail() const;

  private:
    enum class Fate { open, received, lost, error };
    struct Request {
        Instant at;
        Fate fate = Fate::open;
        bool is_sent = false;
    };

    Step step(std::chrono::steady_clock::time_point now);
    std::chrono::steady_clock::time_point next_send() const;
    void expire(std::chrono::steady_clock::time_point now, Step& step);
    bool is_ours(std::size_t seq) const { return seq < requests_.size() && requests_[seq].is_sent; }

    PingSpec spec_;
    bool v6_;
    std::string target_;
    Cookie cookie_;
    std::chrono::steady_clock::time_point start_;
    std::vector<Request> requests_;
    std::vector<PingReply> replies_;  // one a request, same index
    std::vector<PingReply> extra_;    // duplicates
    std::size_t first_open_ = 0;
    std::uint32_t received_ = 0;
    std::uint32_t extra_count_ = 0;
    std::uint32_t late_ = 0;
    std::uint32_t ignored_ = 0;
};

}  // namespace edge::probes
