#include "broker/prometheus/result_series.hpp"

#include <set>

#include "protocol/cut_text.hpp"
#include "protocol/json/described.hpp"

namespace edge::broker::prometheus {
namespace {

constexpr std::size_t kMostWaiting = 1024;  // runs, and results of each
constexpr std::size_t kMostFailures = 32;   // different ones of a series; a node may say anything
constexpr WallTime kDropOlderEach = 1'000'000;

constexpr Metric kLastSuccess{"edge_probe_success", Type::gauge, "Whether the last result was good (1) or not (0)."};
constexpr Metric kLastDuration{"edge_probe_duration_seconds", Type::gauge, "How long the last probe took."};
constexpr Metric kRoundTrips{"edge_probe_rtt_seconds", Type::histogram,
                             "Round trip a result: ping's average, the answer of DNS, connecting of HTTP."};
constexpr Metric kLastLoss{"edge_probe_loss_ratio", Type::gauge, "Packets of the last ping without a reply, 0 to 1."};
constexpr Metric kFailed{"edge_probe_failures_total", Type::counter, "Results that were not good, by what failed."};
constexpr Metric kLast{"edge_last_result_timestamp_seconds", Type::gauge,
                       "When the last probe ended, by the node's clock."};
constexpr Metric kResults{"edge_broker_results_total", Type::counter, "Results stored since the broker began."};
constexpr Metric kRuns{"edge_broker_runs_finished_total", Type::counter, "Runs finished since the broker began."};
constexpr Metric kRunning{"edge_broker_runs_running", Type::gauge, "Runs that go on and were told of since then."};
constexpr Metric kOpen{"edge_broker_open_tasks", Type::gauge, "Tasks of these runs without an end."};

Labels labels_of(const SeriesKey& key) {
    return {{"job", key.job}, {"node", key.node}, {"line", key.line}, {"carrier", key.carrier}, {"target", key.target}};
}

std::uint64_t open_tasks(const TaskCounts& tasks) {
    return std::uint64_t{tasks.queued} + tasks.running;
}

/// A ping that lost some has an answer, and its loss says the rest.
bool is_good(Status status) {
    return status == Status::ok || status == Status::partial;
}

std::uint64_t& count_of(std::map<FailureKind, std::uint64_t>& failures, const link::TaskResult& result) {
    FailureKind kind{"", std::string(enum_text(result.status))};
    if (result.failure) kind = {result.failure->phase, result.failure->code};
    cut_text(kind.phase, kMaxCode);
    cut_text(kind.reason, kMaxCode);
    if (failures.size() >= kMostFailures && !failures.contains(kind)) kind = {"", "other"};
    return failures[kind];
}

}  // namespace

void ResultSeries::leave_out(const RunId& run) {
    left_out_.insert(run);
    runs_.erase(run);
}

void ResultSeries::take(const RunView& run, WallTime now) {
    const bool is_over = run.state == RunState::finished;
    const auto waited = waiting_.extract(run.id);
    if (left_out_.contains(run.id)) {
        if (is_over) left_out_.erase(run.id);
        return;
    }
    const Run known{run.job_id, run.target, open_tasks(run.tasks)};
    if (!waited.empty()) {
        for (const auto& result : waited.mapped()) take(known, result, now);
    }
    if (is_over) {
        runs_finished_ += runs_.erase(run.id);
    } else {
        runs_.insert_or_assign(run.id, known);
    }
}

void ResultSeries::take(const ResultView& result, WallTime now) {
    if (result.superseded) return;
    ++results_by_status_[std::string(enum_text(result.result.status))];
    if (left_out_.contains(result.result.run_id)) return;
    if (const auto run = runs_.find(result.result.run_id); run != runs_.end()) return take(run->second, result, now);
    if (waiting_.size() >= kMostWaiting) waiting_.clear();
    auto& waiting = waiting_[result.result.run_id];
    if (waiting.size() < kMostWaiting) waiting.push_back(result);
}

void ResultSeries::take(const Run& run, const ResultView& view, WallTime now) {
    const link::TaskResult& result = view.result;
    Series* series =
        series_of({run.job.text(), view.node.name.text(), view.line.name.text(), view.line.carrier, run.target}, now);
    if (!series) return;
    series->service = result.service;
    series->last_taken = now;
    if (result.summary.rtt_us) series->rtt.observe(in_seconds(*result.summary.rtt_us));
    if (!is_good(result.status)) ++count_of(series->failures, result);
    if (result.ended_us < series->last_ended) return;  // it waited in a spool, and a later one came before
    series->last_ended = result.ended_us;
    series->success = is_good(result.status);
    series->duration_s = in_seconds(result.summary.duration_us);
    series->loss_ratio.reset();
    if (result.summary.loss) series->loss_ratio = *result.summary.loss / 100;
}

ResultSeries::Series* ResultSeries::series_of(SeriesKey key, WallTime now) {
    if (const auto at = series_.find(key); at != series_.end()) return &at->second;
    if (series_.size() >= most_) drop_older(now);
    if (series_.size() < most_) return &series_[std::move(key)];
    ++dropped_;
    return nullptr;
}

void ResultSeries::drop_older(WallTime now) {
    if (now < dropped_older_at_ + kDropOlderEach) return;  // all of them are looked at
    dropped_older_at_ = now;
    std::erase_if(series_, [now](const auto& one) { return one.second.last_taken + kKept < now; });
}

void ResultSeries::retire(const std::vector<NodeView>& nodes, WallTime now) {
    std::set<std::pair<std::string, std::string>> lines;
    for (const auto& node : nodes) {
        if (!is_of_fleet(node.state)) continue;
        for (const auto& line : node.lines) lines.emplace(node.node.name.text(), line.name.text());
    }
    std::erase_if(series_, [&](const auto& one) {
        return one.second.last_taken + kKept < now || !lines.contains({one.first.node, one.first.line});
    });
}

void ResultSeries::write(Exposition& out) const {
    for (const auto& [status, count] : results_by_status_)
        out.add(kResults, {{"status", status}}, static_cast<double>(count));
    out.add(kRuns, {}, static_cast<double>(runs_finished_));
    out.add(kRunning, {}, static_cast<double>(runs_.size()));
    std::uint64_t open = 0;
    for (const auto& [id, run] : runs_) open += run.open_tasks;
    out.add(kOpen, {}, static_cast<double>(open));
    for (const auto& [key, series] : series_) {
        const Labels labels = labels_of(key);
        out.add(kLastSuccess, labels, series.success ? 1 : 0);
        out.add(kLastDuration, labels, series.duration_s);
        out.add(kLast, labels, in_seconds(series.last_ended));
        if (series.loss_ratio) out.add(kLastLoss, labels, *series.loss_ratio);
        if (series.rtt.count() > 0) out.add(kRoundTrips, labels, series.rtt);
        for (const auto& [failure, count] : series.failures) {
            Labels with = labels;
            with.emplace_back("phase", failure.phase);
            with.emplace_back("reason", failure.reason);
            out.add(kFailed, with, static_cast<double>(count));
        }
    }
}

std::vector<ResultSeries::Seen> ResultSeries::seen() const {
    std::vector<Seen> all;
    for (const auto& [key, series] : series_) all.push_back({key, series.service});
    return all;
}

}  // namespace edge::broker::prometheus
