// What waits to be sent to the broker in this session: lines, results of the spool, progress. Pure.
#pragma once
#include <deque>
#include <string>

#include "agent/link/link_fsm.hpp"
#include "agent/spool/spool.hpp"

namespace edge::agent {

class Outgoing {
  public:
    /// Goes out before any result, and is never dropped while the session lasts.
    void say(std::string line) { lines_.push_back(std::move(line)); }
    /// Dropped when much of it waits.
    void show(const link::Progress& progress, const LinkFsm& fsm);
    /// The session is over.
    void clear();
    bool has_lines() const { return !lines_.empty(); }

    /// The next message, many envelopes in it; empty: there is nothing to say. Results go as far as the session's
    /// credit does. Errors: io, a result cannot be read back.
    Result<std::string> take(LinkFsm& fsm, Spool& spool);

  private:
    Result<> add_early(std::string& message, LinkFsm& fsm, Spool& spool) const;
    Result<> add_results(std::string& message, LinkFsm& fsm, Spool& spool) const;

    std::deque<std::string> lines_;
    std::deque<std::string> progress_;
    std::size_t progress_bytes_ = 0;
};

}  // namespace edge::agent
