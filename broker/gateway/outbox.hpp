// What waits to be sent to one agent: lines, joined into as few messages as their bound allows. Pure.
#pragma once
#include <deque>
#include <string>

#include "protocol/link/envelopes.hpp"

namespace edge::broker::gateway {

class Outbox {
  public:
    static constexpr std::size_t kMostWaiting = 1024 * 1024;

    /// False when more than that would wait: the agent does not read.
    bool push(const link::Envelope& envelope);
    bool is_empty() const { return lines_.empty(); }
    std::size_t bytes() const { return bytes_; }
    /// The next message: as many lines as fit into `most` bytes, one at least.
    std::string take(std::size_t most = link::kMaxMessage);

  private:
    std::deque<std::string> lines_;
    std::size_t bytes_ = 0;
};

}  // namespace edge::broker::gateway
