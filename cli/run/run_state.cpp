#include "cli/run/run_state.hpp"

#include <algorithm>
#include <utility>

namespace edge::cli {
namespace {

// The introduction of a run of 100,000 tasks, the broker's most, is 20 MB and 1.3 million values.
constexpr JsonLimits kLimits{.bytes = 64 * 1024 * 1024, .depth = 40, .values = 4'000'000};

}  // namespace

Result<> RunState::event(std::string_view name, std::string_view data) {
    if (name == "overflow") {
        is_cut_off_ = true;
        return ok();
    }
    if (name != "run" && name != "task" && name != "progress" && name != "result") return ok();
    EDGE_TRY(const auto json, parse_json(data, kLimits));
    if (name == "run") return take_run(json);
    if (name == "task") return take_task(json);
    if (name == "progress") return take_progress(json);
    return take_result(json);
}

Result<> RunState::take_run(const Json& json) {
    EDGE_TRY(auto run, decode<Run>(json, UnknownFields::ignore));
    const auto tasks = std::exchange(run.tasks_list, {});
    run_ = std::move(run);
    is_cut_off_ = false;
    for (const auto& task : tasks) {
        Row& row = row_of(task.id);
        row.task = task;
        put_on_its_line(row);
    }
    return ok();
}

Result<> RunState::take_task(const Json& json) {
    EDGE_TRY(auto task, decode<Task>(json, UnknownFields::ignore));
    Row& row = row_of(task.id);
    row.task = std::move(task);
    put_on_its_line(row);
    return ok();
}

Result<> RunState::take_progress(const Json& json) {
    EDGE_TRY(auto progress, decode<ProgressOfTask>(json, UnknownFields::ignore));
    Row& row = row_of(progress.task_id);
    if (row.task.line.name.empty()) row.task.node = progress.node, row.task.line = progress.line;
    put_on_its_line(row);
    row.progress = std::move(progress.data);
    ++row.progress_count;
    return ok();
}

Result<> RunState::take_result(const Json& json) {
    EDGE_TRY(auto result, decode<ProbeResult>(json, UnknownFields::ignore));
    if (!seen_results_.insert(result.id).second) return ok();
    Row& row = row_of(result.task_id);
    // A superseded attempt is told too; it never takes the place of the one that counts.
    if (row.result && (result.superseded || result.attempt < row.result->attempt)) return ok();
    if (row.task.line.name.empty()) row.task.node = result.node, row.task.line = result.line;
    put_on_its_line(row);
    row.raw = dump_json(json);
    row.result = std::make_shared<const ProbeResult>(std::move(result));
    if (!std::exchange(row.is_fresh, true)) fresh_.push_back(static_cast<std::size_t>(&row - rows_.data()));
    return ok();
}

std::size_t RunState::missing_results() const {
    const auto ended = run_.tasks.succeeded + run_.tasks.failed + run_.tasks.timed_out;
    const auto have = static_cast<std::size_t>(std::count_if(rows_.begin(), rows_.end(), [](const Row& row) {
        return row.result && outcome_of(row) != "canceled" && outcome_of(row) != "expired";
    }));
    return ended > have ? ended - have : 0;
}

std::vector<std::size_t> RunState::take_fresh() {
    for (const std::size_t at : fresh_) rows_[at].is_fresh = false;
    return std::exchange(fresh_, {});
}

Row& RunState::row_of(const std::string& task_id) {
    const auto [at, is_new] = index_.try_emplace(task_id, rows_.size());
    if (is_new) rows_.emplace_back().task.id = task_id;
    return rows_[at->second];
}

void RunState::put_on_its_line(Row& row) {
    if (row.number != 0 || row.task.line.name.empty()) return;
    const std::string key = row.task.node.id + "/" + row.task.line.name;
    const auto [at, is_new] = line_index_.try_emplace(key, lines_.size());
    if (is_new) lines_.push_back({row.task.node, row.task.line});
    row.line = at->second;
    row.number = ++lines_[row.line].tasks;
    if (row.number > 1) repeats_ = true;
}

std::string_view outcome_of(const Row& row) {
    if (row.result && row.result->failure) {  // the agent says so by a result, where it has the task
        const std::string& code = row.result->failure->code;
        if (code == "canceled" || (code == "expired" && row.result->status == "refused")) return code;
    }
    if (row.result) return row.result->status;
    const std::string& state = row.task.state;
    if (state == "succeeded") return "ok";
    if (state == "leased") return row.progress_count > 0 ? "running" : "sent";
    if (state == "queued") return row.progress_count > 0 ? "running" : "queued";
    return state;
}

bool has_ended(const Row& row) {
    const std::string& state = row.task.state;
    return row.result || (state != "queued" && state != "leased" && state != "running" && state != "unknown");
}

bool has_answered(const Row& row) {
    const auto outcome = outcome_of(row);
    return has_ended(row) && (outcome == "ok" || outcome == "partial");
}

bool has_failed(const Row& row) {
    const auto outcome = outcome_of(row);
    return has_ended(row) && !has_answered(row) && outcome != "canceled" && outcome != "expired";
}

bool owes_result(const Row& row) {
    const std::string& state = row.task.state;
    return !row.result && (state == "succeeded" || state == "failed" || state == "timed_out");
}

ExitCode exit_of(const RunState& state, FailOn fail_on, Asked asked) {
    std::size_t failed = 0, counted = 0;
    for (const Row& row : state.rows()) {
        if (asked == Asked::afterwards && outcome_of(row) == "canceled") continue;
        ++counted;
        if (has_ended(row) && !has_answered(row)) ++failed;
    }
    switch (fail_on) {
        case FailOn::none:
            return ExitCode::ok;
        case FailOn::all:
            return failed > 0 && failed == counted ? ExitCode::lines_failed : ExitCode::ok;
        case FailOn::any:
            return failed > 0 ? ExitCode::lines_failed : ExitCode::ok;
    }
    return ExitCode::ok;
}

}  // namespace edge::cli
