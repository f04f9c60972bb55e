// Rows of our SELECTs as records and views. Each column list stands beside the function that reads it.
#pragma once
#include <string_view>

#include "broker/store/records.hpp"
#include "broker/store/sqlite.hpp"

namespace edge::broker::rows {

inline constexpr std::string_view kNode =
    "k, id, name, key, state, labels, agent_version, policy_hash, lines, enrolled_at, connected_at, last_seen_at, "
    "epoch,"
    " join_counter, join_confirmed, policy, is_there, joined_in, reason, token, preset, next_key, next_key_at, rotate,"
    " uplink";
Result<NodeRecord> node(sqlite::Statement& row);

/// A run and its job, from `runs r JOIN jobs j ON j.k = r.job`.
inline constexpr std::string_view kRunAndJob =
    "r.k, r.id, r.job, r.state, r.created_at, r.finished_at, r.start_within_ms, r.run_within_ms, r.total, r.succeeded,"
    " r.failed, r.timed_out, r.canceled, r.expired, r.lost, r.tick, r.recovered,"
    " j.k, coalesce(j.series, j.id), j.service, j.params, j.target, j.selector, j.start_within_ms, j.repeat,"
    " j.require_level, j.align, j.run_within_ms, j.when_unknown, j.labels, j.created_at, j.origin, j.recovered";
Result<LoadedRun> run_and_job(sqlite::Statement& row);

/// A revision of a recurring job, from `jobs j`.
inline constexpr std::string_view kPlannedJob =
    "j.k, j.series, j.service, j.params, j.target, j.selector, j.start_within_ms, j.repeat, j.require_level, j.align, "
    "j.run_within_ms, j.when_unknown,"
    " j.labels, j.created_at, j.origin, j.recovered, j.schedule, j.state, j.revision, j.revised_at, j.ended_at,"
    " j.made_until, j.fingerprint";
Result<JobRecord> planned_job(sqlite::Statement& row);

inline constexpr std::string_view kTask = "k, id, run, node, line, carrier, state, attempt, recorded, offered";
Result<TaskRecord> task(sqlite::Statement& row);

/// From `jobs j`; the last column is the newest run, of a recurring one of any of its revisions.
inline constexpr std::string_view kJobView =
    "j.k, coalesce(j.series, j.id), j.service, j.params, j.selector, j.start_within_ms, j.repeat, j.require_level,"
    " j.align, j.run_within_ms, j.when_unknown, j.labels, j.created_at, j.origin, j.recovered, j.schedule, j.state,"
    " j.revision, j.revised_at,"
    " CASE WHEN j.series IS NULL THEN (SELECT id FROM runs WHERE job = j.k ORDER BY k DESC LIMIT 1)"
    " ELSE (SELECT id FROM runs WHERE k = (SELECT max((SELECT max(k) FROM runs WHERE job = s.k)) FROM jobs s"
    " WHERE s.series = j.series)) END";
Result<JobView> job_view(sqlite::Statement& row);

/// From `tasks t JOIN nodes n ON n.k = t.node`.
inline constexpr std::string_view kTaskView = "t.k, t.id, n.id, n.name, t.line, t.carrier, t.state, t.attempt";
Result<TaskView> task_view(sqlite::Statement& row);

/// From `results x JOIN tasks t … JOIN nodes n … LEFT JOIN result_details d …`.
inline constexpr std::string_view kResultView =
    "x.k, n.id, n.name, t.line, t.carrier, x.superseded, x.envelope, d.detail, x.clock_offset_us";
Result<ResultView> result_view(sqlite::Statement& row);
/// Bytes of its text, without decoding it.
std::size_t result_size(sqlite::Statement& row);

inline constexpr std::string_view kEvent = "n, at, kind, line, was, became, reason";
Result<NodeEvent> event(sqlite::Statement& row);

/// What the API shows of a run.
RunView view_of(const RunRecord& run, const JobRecord& job);

}  // namespace edge::broker::rows
