// What results have told, as the series that Prometheus scrapes. Pure.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "broker/domain/views.hpp"
#include "broker/prometheus/text_format.hpp"

namespace edge::broker::prometheus {

/// A job's target, seen from a line.
struct SeriesKey {
    std::string job;
    std::string node;
    std::string line;
    std::string carrier;
    std::string target;
    friend auto operator<=>(const SeriesKey&, const SeriesKey&) = default;
};

struct FailureKind {
    std::string phase;
    std::string reason;
    friend auto operator<=>(const FailureKind&, const FailureKind&) = default;
};

class ResultSeries {
  public:
    static constexpr WallTime kKept = 15 * 60 * 1'000'000ULL;  // after a job's last result

    /// `most`: targets seen from lines; results of others are left out and counted.
    explicit ResultSeries(std::uint64_t most) : most_(most) {}

    void take(const RunView& run, WallTime now);
    /// A result comes after the run it belongs to was made, but a broker that began meanwhile has not heard of it: then
    /// it waits for the run, which is told next.
    void take(const ResultView& result, WallTime now);
    /// This run has an answer of its own (/probe) and no series.
    void leave_out(const RunId& run);

    /// What belongs to nodes or lines that are no longer, or had no result for kKept.
    void retire(const std::vector<NodeView>& nodes, WallTime now);
    void write(Exposition& out) const;
    /// By target and job, one of each line: for service discovery.
    struct Seen {
        SeriesKey key;
        Service service = Service::ping;
    };
    std::vector<Seen> seen() const;
    std::uint64_t dropped() const { return dropped_; }

  private:
    struct Series {
        Service service = Service::ping;
        WallTime last_taken = 0;
        WallTime last_ended = 0;  // by the node's clock
        bool success = false;
        double duration_s = 0;
        std::optional<double> loss_ratio;
        Histogram rtt;
        std::map<FailureKind, std::uint64_t> failures;
    };
    struct Run {
        JobId job;
        std::string target;
        std::uint64_t open_tasks = 0;
    };
    void take(const Run& run, const ResultView& result, WallTime now);
    Series* series_of(SeriesKey key, WallTime now);
    void drop_older(WallTime now);

    std::uint64_t most_;
    std::map<SeriesKey, Series> series_;
    std::unordered_map<RunId, Run> runs_;  // that go on
    std::unordered_set<RunId> left_out_;   // of these
    std::unordered_map<RunId, std::vector<ResultView>> waiting_;
    std::map<std::string, std::uint64_t> results_by_status_;
    std::uint64_t runs_finished_ = 0;
    std::uint64_t dropped_ = 0;
    WallTime dropped_older_at_ = 0;
};

}  // namespace edge::broker::prometheus
