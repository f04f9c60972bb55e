#include "broker/store/sqlite_rows.hpp"

#include "broker/store/row_text.hpp"

namespace edge::broker::rows {
namespace {

template <class IdType>
IdType id_column(sqlite::Statement& row, int column) {
    return IdType{row.bytes<16>(column)};
}

template <class Name>
Result<Name> name_column(sqlite::Statement& row, int column) {
    auto name = Name::parse(row.text(column));
    if (!name) return Error{Errc::io, {}, "a stored name is damaged"};
    return name;
}

/// Six columns from `first` on.
Result<JobTerms> terms(sqlite::Statement& row, int first) {
    JobTerms terms{.start_within_ms = row.natural32(first), .repeat = row.natural32(first + 1)};
    EDGE_TRY(terms.require_level, enum_column<EnforcedBy>(row.text(first + 2)));
    terms.align = row.integer(first + 3) != 0;
    terms.run_within_ms = row.natural32(first + 4);
    EDGE_TRY(terms.when_unknown, enum_column<WhenUnknown>(row.text(first + 5)));
    return terms;
}

/// Sixteen columns from `first` on, those that every job has.
Result<JobRecord> job(sqlite::Statement& row, int first) {
    JobRecord j;
    j.row = JobRow{row.integer(first)};
    j.id = id_column<JobId>(row, first + 1);
    EDGE_TRY(j.service, enum_column<Service>(row.text(first + 2)));
    j.params = row.text(first + 3);
    j.target = row.text(first + 4);
    j.selector = row.text(first + 5);
    EDGE_TRY(j.terms, terms(row, first + 6));
    EDGE_TRY(j.labels, from_column<Labels>(row.text(first + 12)));
    j.created_at = row.natural(first + 13);
    EDGE_TRY(j.origin, enum_column<JobOrigin>(row.text(first + 14)));
    j.recovered = row.integer(first + 15) != 0;
    return j;
}

}  // namespace

Result<NodeRecord> node(sqlite::Statement& row) {
    NodeRecord n;
    n.row = NodeRow{row.integer(0)};
    n.id = id_column<NodeId>(row, 1);
    EDGE_TRY(n.name, name_column<NodeName>(row, 2));
    n.key = row.bytes<32>(3);
    EDGE_TRY(n.state, enum_column<NodeState>(row.text(4)));
    EDGE_TRY(n.labels, from_column<Labels>(row.text(5)));
    n.agent_version = row.text(6);
    n.policy_hash = row.text(7);
    EDGE_TRY(n.lines, from_column<std::vector<link::LineReport>>(row.text(8)));
    n.enrolled_at = row.natural(9);
    n.connected_at = row.maybe_natural(10);
    n.last_seen_at = row.maybe_natural(11);
    n.epoch = row.natural(12);
    n.join_counter = row.natural(13);
    n.join_confirmed = row.integer(14) != 0;
    if (!row.text(15).empty()) {
        EDGE_TRY(n.policy, from_column<link::Policy>(row.text(15)));
    }
    n.is_there = row.integer(16) != 0;
    n.joined_in = GenerationRow{row.integer(17)};
    n.reason = row.text(18);
    if (!row.is_null(19)) n.token = id_column<TokenId>(row, 19);
    EDGE_TRY(n.preset, from_column<Labels>(row.text(20)));
    if (!row.is_null(21)) n.next_key = row.bytes<32>(21);
    n.next_key_at = row.natural(22);
    n.rotate = row.integer(23) != 0;
    if (!row.text(24).empty()) {
        EDGE_TRY(n.uplink, from_column<link::Uplink>(row.text(24)));
    }
    return n;
}

Result<LoadedRun> run_and_job(sqlite::Statement& row) {
    LoadedRun loaded;
    RunRecord& r = loaded.run;
    r.row = RunRow{row.integer(0)};
    r.id = id_column<RunId>(row, 1);
    r.job = JobRow{row.integer(2)};
    EDGE_TRY(r.state, enum_column<RunState>(row.text(3)));
    r.created_at = row.natural(4);
    r.finished_at = row.maybe_natural(5);
    r.start_within_ms = row.natural32(6);
    r.run_within_ms = row.natural32(7);
    r.total = row.natural32(8);
    r.outcomes = Outcomes{.succeeded = row.natural32(9),
                          .failed = row.natural32(10),
                          .timed_out = row.natural32(11),
                          .canceled = row.natural32(12),
                          .expired = row.natural32(13),
                          .lost = row.natural32(14)};
    r.tick = row.natural(15);
    r.recovered = row.integer(16) != 0;
    EDGE_TRY(loaded.job, job(row, 17));
    return loaded;
}

Result<JobRecord> planned_job(sqlite::Statement& row) {
    EDGE_TRY(auto j, job(row, 0));
    EDGE_TRY(j.schedule, from_column<JobSchedule>(row.text(16)));
    EDGE_TRY(j.state, enum_column<JobState>(row.text(17)));
    j.revision = row.natural(18);
    j.revised_at = row.natural(19);
    j.ended_at = row.natural(20);
    j.made_until = row.natural(21);
    j.fingerprint = row.bytes<32>(22);
    return j;
}

Result<TaskRecord> task(sqlite::Statement& row) {
    TaskRecord t;
    t.row = TaskRow{row.integer(0)};
    t.id = id_column<TaskId>(row, 1);
    t.run = RunRow{row.integer(2)};
    t.node = NodeRow{row.integer(3)};
    EDGE_TRY(t.line.name, name_column<LineName>(row, 4));
    t.line.carrier = row.text(5);
    EDGE_TRY(t.state, enum_column<TaskState>(row.text(6)));
    t.attempt = row.natural32(7);
    t.recorded = row.natural32(8);
    t.offered = row.integer(9) != 0;
    return t;
}

Result<JobView> job_view(sqlite::Statement& row) {
    JobView j;
    j.id = id_column<JobId>(row, 1);
    EDGE_TRY(j.service, enum_column<Service>(row.text(2)));
    EDGE_TRY(j.params, from_column<Json>(row.text(3)));
    j.selector = row.text(4);
    EDGE_TRY(j.terms, terms(row, 5));
    EDGE_TRY(j.labels, from_column<Labels>(row.text(11)));
    j.created_at = row.natural(12);
    EDGE_TRY(j.origin, enum_column<JobOrigin>(row.text(13)));
    j.recovered = row.integer(14) != 0;
    if (!row.text(15).empty()) {
        PlanView& plan = j.plan.emplace();
        EDGE_TRY(plan.schedule, from_column<JobSchedule>(row.text(15)));
        EDGE_TRY(plan.state, enum_column<JobState>(row.text(16)));
        plan.revision = row.natural(17);
        plan.revised_at = row.natural(18);
    }
    if (!row.is_null(19)) j.last_run = id_column<RunId>(row, 19);
    return j;
}

Result<TaskView> task_view(sqlite::Statement& row) {
    TaskView t;
    t.id = id_column<TaskId>(row, 1);
    t.node.id = id_column<NodeId>(row, 2);
    EDGE_TRY(t.node.name, name_column<NodeName>(row, 3));
    EDGE_TRY(t.line.name, name_column<LineName>(row, 4));
    t.line.carrier = row.text(5);
    EDGE_TRY(t.state, enum_column<TaskState>(row.text(6)));
    t.attempt = row.natural32(7);
    return t;
}

Result<ResultView> result_view(sqlite::Statement& row) {
    ResultView x;
    x.node.id = id_column<NodeId>(row, 1);
    EDGE_TRY(x.node.name, name_column<NodeName>(row, 2));
    EDGE_TRY(x.line.name, name_column<LineName>(row, 3));
    x.line.carrier = row.text(4);
    x.superseded = row.integer(5) != 0;
    EDGE_TRY(x.result, from_column<link::TaskResult>(row.text(6)));
    x.detail = row.text(7);
    if (!row.is_null(8)) x.clock_offset_us = row.integer(8);
    return x;
}

std::size_t result_size(sqlite::Statement& row) {
    return row.text(6).size() + row.text(7).size();
}

Result<NodeEvent> event(sqlite::Statement& row) {
    NodeEvent e;
    e.n = row.natural(0);
    e.at = row.natural(1);
    EDGE_TRY(e.kind, enum_column<NodeEventKind>(row.text(2)));
    e.line = row.text(3);
    e.was = row.text(4);
    e.became = row.text(5);
    e.reason = row.text(6);
    return e;
}

RunView view_of(const RunRecord& run, const JobRecord& job) {
    RunView view;
    view.id = run.id;
    view.job_id = job.id;
    view.origin = job.origin;
    view.service = job.service;
    view.target = job.target;
    view.selector = job.selector;
    view.state = run.state;
    view.created_at = run.created_at;
    view.finished_at = run.finished_at;
    view.tasks = counts_of(run.total, run.outcomes);
    view.recovered = run.recovered;
    if (run.tick > 0) view.tick = run.tick;
    view.timeouts = timeouts_of(run.start_within_ms, run.run_within_ms);
    return view;
}

}  // namespace edge::broker::rows
