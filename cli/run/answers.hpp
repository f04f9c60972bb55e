// What the API says of runs, tasks and results, as far as edgectl shows it. Fields a newer broker adds are ignored.
#pragma once
#include <boost/describe.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "protocol/evidence.hpp"
#include "protocol/json/described.hpp"

namespace edge::cli {

struct NodeRef {
    static constexpr bool fields_have_defaults = true;
    std::string id;
    std::string name;
};
BOOST_DESCRIBE_STRUCT(NodeRef, (), (id, name))

struct LineRef {
    static constexpr bool fields_have_defaults = true;
    std::string name;
    std::string carrier;
};
BOOST_DESCRIBE_STRUCT(LineRef, (), (name, carrier))

struct TaskCounts {
    static constexpr bool fields_have_defaults = true;
    std::uint32_t total = 0;
    std::uint32_t queued = 0;
    std::uint32_t running = 0;
    std::uint32_t succeeded = 0;
    std::uint32_t failed = 0;
    std::uint32_t timed_out = 0;
    std::uint32_t canceled = 0;
    std::uint32_t expired = 0;
    std::uint32_t lost = 0;
};
BOOST_DESCRIBE_STRUCT(TaskCounts, (), (total, queued, running, succeeded, failed, timed_out, canceled, expired, lost))

struct Task {
    static constexpr bool fields_have_defaults = true;
    std::string id;
    NodeRef node;
    LineRef line;
    std::string state = "queued";
    std::uint32_t attempt = 0;
};
BOOST_DESCRIBE_STRUCT(Task, (), (id, node, line, state, attempt))

struct LeftOutLine {
    static constexpr bool fields_have_defaults = true;
    NodeRef node;
    LineRef line;
    std::string reason;
};
BOOST_DESCRIBE_STRUCT(LeftOutLine, (), (node, line, reason))

/// Lines that were chosen and are not asked, because their nodes would refuse.
struct LeftOut {
    static constexpr bool fields_have_defaults = true;
    std::uint32_t total = 0;
    std::vector<LeftOutLine> lines;  // the first of them
};
BOOST_DESCRIBE_STRUCT(LeftOut, (), (total, lines))

/// Nodes that are not connected: their tasks wait for them.
struct Away {
    static constexpr bool fields_have_defaults = true;
    std::uint32_t total = 0;
    std::vector<NodeRef> nodes;  // the first of them
};
BOOST_DESCRIBE_STRUCT(Away, (), (total, nodes))

struct Run {
    static constexpr bool fields_have_defaults = true;
    std::string id;
    std::string job_id;
    std::string service;
    std::string target;
    std::string selector;
    std::string state;
    std::string created_at;
    std::optional<std::string> finished_at;
    bool recovered = false;  // made of results that came after the broker's restore
    TaskCounts tasks;
    std::vector<Task> tasks_list;  // only in the first event of a stream
    LeftOut left_out;              // only in the answer that made the run, and so is `away`
    Away away;
};
BOOST_DESCRIBE_STRUCT(Run, (),
                      (id, job_id, service, target, selector, state, created_at, finished_at, recovered, tasks,
                       tasks_list, left_out, away))

struct ProbeResult {
    static constexpr bool fields_have_defaults = true;
    std::string id;
    std::string run_id;
    std::string task_id;
    std::uint32_t attempt = 0;
    NodeRef node;
    LineRef line;
    std::string service;
    std::string target;
    std::string status;  // ok failed partial refused
    std::optional<Failure> failure;
    std::string started_at;
    std::string ended_at;
    std::uint64_t queued_us = 0;
    Summary summary;
    Evidence evidence;
    std::vector<std::string> resolved;
    bool superseded = false;
    bool truncated = false;
    Json detail = Json::object();
};
BOOST_DESCRIBE_STRUCT(ProbeResult, (),
                      (id, run_id, task_id, attempt, node, line, service, target, status, failure, started_at, ended_at,
                       queued_us, summary, evidence, resolved, superseded, truncated, detail))

struct ProgressOfTask {
    static constexpr bool fields_have_defaults = true;
    std::string task_id;
    NodeRef node;
    LineRef line;
    Json data = Json::object();
};
BOOST_DESCRIBE_STRUCT(ProgressOfTask, (), (task_id, node, line, data))

}  // namespace edge::cli
