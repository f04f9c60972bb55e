// What a spool at its limit means: no new work, and for the node's own plan the oldest results make room. Pure, but for
// the spool's disk.
#pragma once
#include <cstdint>
#include <optional>

#include "agent/moment.hpp"
#include "agent/spool/spool.hpp"

namespace edge::agent {

/// Results can be given up only between two sessions, as a broker is told their numbers in the hello. So one that
/// empties the spool too slowly, or not at all, has its session ended: the next one begins with what is missing.
class SpoolLimit {
  public:
    SpoolLimit(Spool& spool, std::uint64_t bytes) : spool_(spool), most_(bytes) {}

    /// After whatever may have changed the spool, or the link. Answers whether reached() is another.
    bool look(bool is_live, Time now);
    bool reached() const { return is_reached_; }
    std::uint64_t bytes() const { return most_; }

    /// When something of the plan begins: the session has been at the limit for so long, or is so far above it, that no
    /// room is to be hoped for. It begins all the same, whatever the answer.
    bool session_must_end(Time now) const;
    /// While there is no session: gives up the oldest results until the limit is left, or as far as it goes; look()
    /// comes next. Errors: io.
    Result<> make_room();

  private:
    Spool& spool_;
    std::uint64_t most_;
    bool is_reached_ = false;
    std::optional<Time> since_;  // in this session
};

}  // namespace edge::agent
