// A run as it is known so far: fed with events, read by whoever shows it. Pure. The same event twice changes nothing,
// so that a stream may be followed again from its start.
#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "cli/exit_codes.hpp"
#include "cli/run/answers.hpp"

namespace edge::cli {

/// One task and what became of it.
struct Row {
    Task task;
    Json progress = Json::object();  // the last
    std::uint32_t progress_count = 0;
    std::shared_ptr<const ProbeResult> result;  // owners: this row and its copies
    std::string raw;           // the result's JSON as it came; as text, for a tree takes several times the room
    std::size_t line = 0;      // its place in RunState::lines()
    std::uint32_t number = 0;  // among the tasks of its line, from 1; 0: the line is not known yet
    bool is_fresh = false;
};

/// A line that the run was sent to, and how many tasks it has.
struct LineOfRun {
    NodeRef node;
    LineRef line;
    std::uint32_t tasks = 0;
};

enum class FailOn { any, all, none };

class RunState {
  public:
    /// An event of GET /runs/{id}/events. Unknown names are ignored. Errors: bad_value and the like of a decoder.
    Result<> event(std::string_view name, std::string_view data);

    Result<> take_run(const Json& json);
    Result<> take_task(const Json& json);
    Result<> take_progress(const Json& json);
    Result<> take_result(const Json& json);

    const Run& run() const { return run_; }
    bool is_known() const { return !run_.id.empty(); }
    bool is_finished() const { return run_.state == "finished"; }
    /// The broker said that it would not tell everything by this stream.
    bool is_cut_off() const { return is_cut_off_; }
    /// Tasks that ended with a result we have not seen.
    std::size_t missing_results() const;
    const std::vector<Row>& rows() const { return rows_; }
    /// In the order of their first tasks.
    const std::vector<LineOfRun>& lines() const { return lines_; }
    /// A line has more than one task.
    bool repeats() const { return repeats_; }
    /// Indices of rows whose results came since the last call, in the order they came.
    std::vector<std::size_t> take_fresh();

  private:
    Row& row_of(const std::string& task_id);
    void put_on_its_line(Row& row);

    Run run_;
    std::vector<Row> rows_;
    std::vector<LineOfRun> lines_;
    std::unordered_map<std::string, std::size_t> line_index_;
    bool repeats_ = false;
    std::unordered_map<std::string, std::size_t> index_;
    std::unordered_set<std::string> seen_results_;
    std::vector<std::size_t> fresh_;
    bool is_cut_off_ = false;
};

/// Of one row, in one word: queued running ok partial failed refused timed_out canceled expired lost.
std::string_view outcome_of(const Row& row);
bool has_ended(const Row& row);
/// ok or partial.
bool has_answered(const Row& row);
/// It ended without an answer, and was neither canceled nor left to expire.
bool has_failed(const Row& row);
/// It has ended with a result, which has not come yet: a stream's introduction is ahead of its results.
bool owes_result(const Row& row);

/// now: who asks has just made the run or followed it, and a task that somebody canceled is one that did not answer.
/// afterwards: the run is only looked at, and being canceled is how it was to end.
enum class Asked { now, afterwards };
ExitCode exit_of(const RunState& state, FailOn fail_on, Asked asked);

}  // namespace edge::cli
