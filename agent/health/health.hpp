// The shell of HealthFsm: one timer, the pool's probes, the launcher's lookups, the prefix file.
#pragma once
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "agent/health/health_fsm.hpp"
#include "agent/health/prefix_scan.hpp"
#include "agent/workers/workers.hpp"

namespace edge::agent {

/// Executor: the one io_context. Cancel: the destructor. `workers` outlives it.
class Health {
  public:
    Health(boost::asio::io_context& io, const HealthSettings& settings, const LineSettings& lines, Workers& workers);

    void line_seen(const Line& line);
    void all_lines_seen() { carry_out(fsm_.all_seen()); }
    /// Instead of those that were disabled before.
    void disable(std::vector<LineName> lines);
    void lines_lost() { fsm_.forget(); }
    void answered(std::uint64_t id, const ProbeReport& report);

  private:
    void carry_out(HealthActions actions);
    void act(OwnProbe&& action);
    void act(LookUpRoute&& action);
    void act(LookAtNeighbour&& action);
    void act(FindOrigin&& action);
    void act(Judge&& action);
    void act(HealthNote&& action);
    void origin_found(const std::string& address, const std::optional<Origin>& origin);
    void arm();

    Workers& workers_;
    HealthFsm fsm_;
    PrefixScan prefixes_;
    std::multimap<std::string, LineName> wanted_;  // by egress address
    boost::asio::steady_timer timer_;
    std::optional<Time> armed_;
};

}  // namespace edge::agent
