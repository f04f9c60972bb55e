// When each line is asked what, and what is thought of it then: events and `now` in, actions out.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "agent/health/standing.hpp"
#include "agent/workers/pool_fsm.hpp"

namespace edge::agent {

/// Each of the first three is answered by its id; Probe is the pool's.
struct LookUpRoute {
    std::uint64_t id = 0;
    LineName line;
    std::string destination;
};
struct LookAtNeighbour {
    std::uint64_t id = 0;
    std::uint32_t ifindex = 0;
    std::string address;
};
/// To be answered with origin().
struct FindOrigin {
    LineName line;
    std::string address;
};
struct Judge {
    LineName line;
    Standing standing;
};
struct HealthNote {
    bool warning = true;
    std::string text;
};
using HealthAction = std::variant<OwnProbe, LookUpRoute, LookAtNeighbour, FindOrigin, Judge, HealthNote>;
using HealthActions = std::vector<HealthAction>;

/// As the kernel knows an address on a device. unknown: it is not asked for, or was not heard of lately.
enum class Neighbour { unknown, reachable, failed };

class HealthFsm {
  public:
    HealthFsm(HealthSettings settings, const LineSettings& lines, std::uint64_t seed);

    HealthActions line(const Line& line, Time now);
    /// There is no other line than those that were told.
    HealthActions all_seen();
    /// Instead of those that were disabled before.
    HealthActions disable(std::vector<LineName> lines, Time now);
    /// The launcher is gone: nothing is known of any line.
    void forget();
    HealthActions answered(std::uint64_t id, const ProbeReport& report, Time now);
    HealthActions route(std::uint64_t id, const std::optional<RouteAnswer>& answer, Time now);
    HealthActions neighbour(std::uint64_t id, Neighbour state, Time now);
    HealthActions origin(const LineName& line, const std::string& address, const std::optional<Origin>& origin);
    HealthActions tick(Time now);
    std::optional<Time> deadline() const;

  private:
    struct Watch {
        WatchedLine watched;
        std::optional<Standing> told;
    };
    /// The check that waits for this answer, and its line; the question is no longer out.
    std::optional<std::pair<Watch*, Check*>> take(std::uint64_t id);
    bool is_disabled(const LineName& line) const;
    /// Nothing is known of the line; what is to be asked is asked soon, unless it is disabled.
    void begin(Watch& watch, Time now);
    HealthActions unknown_names() const;
    void ask(Watch& watch, Check& check, HealthActions& actions);
    void heard(Watch& watch, Check& check, const Heard& heard, Time now, HealthActions& actions);
    void judge(Watch& watch, HealthActions& actions);
    Time::duration within(Time::duration longest);
    Time::duration until_next(const Check& check);

    HealthSettings settings_;
    std::vector<LineName> disabled_;
    std::minstd_rand random_;
    std::uint64_t last_id_ = 0;
    std::map<LineName, Watch> lines_;
    bool all_seen_ = false;
    std::unordered_map<std::uint64_t, LineName> asked_;
};

}  // namespace edge::agent
