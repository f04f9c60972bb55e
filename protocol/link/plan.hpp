// Recurring jobs as the broker wants them on a node, and what a result says of the tick that it is of.
#pragma once
#include <boost/describe.hpp>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "protocol/ids.hpp"
#include "protocol/json/bounded.hpp"
#include "protocol/probes/spec.hpp"
#include "protocol/schedule/schedule.hpp"

namespace edge::link {

/// In `features` of a hello: the agent keeps plans.
inline constexpr const char* kPlanFeature = "plan";

/// The tick that a task of a recurring job belongs to.
struct PlanRef {
    JobId job_id;
    std::uint64_t revision = 0;
    std::uint64_t tick_us = 0;
    friend bool operator==(const PlanRef&, const PlanRef&) = default;
};
BOOST_DESCRIBE_STRUCT(PlanRef, (), (job_id, revision, tick_us))

/// S→A, sequenced: from now on the node does this by itself. In place of what it had of the job.
struct PlanSet {
    std::uint64_t n = 0;
    JobId job_id;
    std::uint64_t revision = 1;
    std::string tag;  // names this content; opaque to the agent
    std::vector<LineName> lines;
    Service service = Service::ping;
    Json params = Json::object();
    Schedule schedule;
    std::uint32_t repeat = 1;           // tasks of each line
    bool align = false;                 // all of the node's begin together
    std::uint32_t start_within_ms = 0;  // a tick that is later than that is missed
    std::uint32_t run_within_ms = 0;
    std::uint64_t lease_ms = 0;  // without a word of the broker for so long nothing is due
};
BOOST_DESCRIBE_STRUCT(PlanSet, (),
                      (n, job_id, revision, tag, lines, service, params, schedule, repeat, align, start_within_ms,
                       run_within_ms, lease_ms))

/// S→A, sequenced: nothing more of this job. What runs goes on.
struct PlanDrop {
    std::uint64_t n = 0;
    JobId job_id;
};
BOOST_DESCRIBE_STRUCT(PlanDrop, (), (n, job_id))

/// S→A, sequenced: nothing of any job but what follows.
struct PlanReset {
    std::uint64_t n = 0;
};
BOOST_DESCRIBE_STRUCT(PlanReset, (), (n))

using PlanChange = std::variant<PlanSet, PlanDrop, PlanReset>;

/// What a hello says of the plans it has: hex SHA-256 over a line `JOB_ID TAG\n` of each, ascending by id.
std::string plans_digest(const std::map<JobId, std::string>& tags);

}  // namespace edge::link
