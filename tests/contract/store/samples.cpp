#include "tests/contract/store/samples.hpp"

namespace edge::broker::samples {

NodeRecord node(std::int64_t row) {
    NodeRecord n;
    n.row = NodeRow{row};
    n.id = id<NodeId>(static_cast<std::uint64_t>(row));
    n.name = node_name("gz-" + std::to_string(row));
    n.key[0] = static_cast<std::uint8_t>(row);
    n.key[1] = static_cast<std::uint8_t>(row >> 8);
    n.key[31] = 7;
    n.labels = {{"province", "guangdong"}, {"city", "guangzhou"}};
    n.agent_version = "0.1.0";
    n.policy_hash = "ab12";
    n.enrolled_at = 1'700'000'000'000'000;
    n.is_there = row % 2 == 1;
    if (row % 2 == 1) n.uplink = link::Uplink{"line-ct", "broker.test:7443", link::UplinkBound::launcher, "mgmt: no"};
    for (const auto* carrier : {"ct", "cu", "cm"}) {
        link::LineReport line;
        line.name = line_name(std::string("line-") + carrier);
        line.carrier = carrier;
        line.device = "wan0";
        line.addresses = {"100.64.1.2", "fd64:1::2"};
        line.state = link::LineState::up;
        line.enforced_by = EnforcedBy::bpf;
        line.mark = 0x101;
        line.table = 101;
        n.lines.push_back(line);
    }
    return n;
}

SpoolRecord spool(std::int64_t row, std::int64_t node_row) {
    return SpoolRecord{SpoolRow{row}, NodeRow{node_row}, id<SpoolId>(static_cast<std::uint64_t>(row)), 0, {}};
}

AddRun run(std::int64_t row, std::uint32_t tasks, std::int64_t first_task) {
    AddRun made;
    made.job.row = JobRow{row};
    made.job.id = id<JobId>(static_cast<std::uint64_t>(row));
    made.job.params = R"({"target":"198.51.100.10","count":3})";
    made.job.target = "198.51.100.10";
    made.job.selector = "all";
    made.job.terms = {.start_within_ms = 30'000,
                      .run_within_ms = 1'500,
                      .when_unknown = WhenUnknown::elsewhere,
                      .repeat = 2,
                      .require_level = EnforcedBy::nft};
    made.job.labels = {{"team", "net"}};
    made.job.created_at = 1'700'000'001'000'000;
    made.run.row = RunRow{row};
    made.run.id = id<RunId>(static_cast<std::uint64_t>(row));
    made.run.job = made.job.row;
    made.run.created_at = made.job.created_at;
    made.run.start_within_ms = 60'000;
    made.run.run_within_ms = 9'000;
    made.run.total = tasks;
    for (std::uint32_t i = 0; i < tasks; ++i) {
        TaskRecord task;
        task.row = TaskRow{first_task + i};
        task.id = id<TaskId>(static_cast<std::uint64_t>(first_task + i));
        task.run = made.run.row;
        task.node = NodeRow{1};
        task.line = LineRef{line_name("line-ct"), "ct"};
        made.tasks.push_back(task);
    }
    return made;
}

AddResult result(std::int64_t row, const AddRun& run, std::size_t task, std::uint64_t n, const std::string& detail) {
    auto view = std::make_shared<ResultView>();
    view->node = NodeRef{id<NodeId>(1), node_name("gz-1")};
    view->line = run.tasks[task].line;
    view->detail = detail;
    auto& r = view->result;
    r.n = n;
    r.rid = id<ResultId>(static_cast<std::uint64_t>(row));
    r.task_id = run.tasks[task].id;
    r.run_id = run.run.id;
    r.line = view->line.name;
    r.target = run.job.target;
    r.status = Status::ok;
    r.started_us = 1'700'000'002'000'000;
    r.ended_us = 1'700'000'002'400'000;
    r.queued_us = 350;
    r.summary = Summary{.duration_us = 400'000, .rtt_us = 12'345, .loss = 0.0, .code = {}, .bytes = 168};
    r.evidence.src_addr = "100.64.1.2";
    r.evidence.dst_addr = "198.51.100.10";
    r.evidence.ifname = "wan0";
    r.evidence.ifindex = 7;
    r.evidence.fwmark = 0x101;
    r.evidence.table = 101;
    r.evidence.route_get = RouteGet{"wan0", "100.64.1.1", "100.64.1.2", 101, ""};
    r.evidence.enforced_by = EnforcedBy::bpf;
    r.evidence.verified = true;
    r.resolved = {"198.51.100.10"};
    r.concurrency = 3;
    r.detail_bytes = static_cast<std::uint32_t>(detail.size());
    return AddResult{ResultRow{row}, SpoolRow{1}, run.run.row, run.tasks[task].row, std::move(view)};
}

}  // namespace edge::broker::samples
