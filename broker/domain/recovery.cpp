#include "broker/domain/recovery.hpp"

#include <algorithm>
#include <utility>

#include "broker/domain/node_events.hpp"
#include "protocol/cut_text.hpp"
#include "protocol/json/described.hpp"
#include "protocol/rfc3339.hpp"

namespace edge::broker {
namespace {

constexpr std::uint64_t kMostRecovered = 2'000'000;  // of a spool: what a day may hold, and all that a liar makes
// Results of recurring jobs whose revision was made after the backup: the node goes on with it until it is told.
constexpr std::uint64_t kMostPlanned = 4'096;
constexpr std::uint32_t kMostAttempts = 64;  // of a task; a store that knows of fewer takes no higher one
constexpr std::uint64_t kRetryMs = 60'000;
constexpr std::size_t kMostTarget = 2'048;  // bytes: no spec takes more

LineRef line_of(const Node& node, const LineName& name) {
    const auto at = std::ranges::find(node.record.lines, name, &link::LineReport::name);
    return {name, at == node.record.lines.end() ? std::string() : at->carrier};
}

std::uint64_t left_of(std::uint64_t upto, std::uint64_t done) {
    return upto - std::min(upto, done);
}

void open_window(Spool& spool, const link::Hello& hello) {
    const std::uint64_t gone = hello.spool_first > 0 ? hello.spool_first - 1 : 0;
    const std::uint64_t begins = std::max(spool.received, gone);
    spool.record.recover_upto = begins + std::min(left_of(hello.spool_last, begins), kMostRecovered);
    spool.record.recover_more = hello.running.size() + (hello.plans ? kMostPlanned : 0);
}

void close_window(Spool& spool) {
    SpoolRecord& window = spool.record;
    spool.gave_window |= left_of(window.recover_upto, spool.received) > 0 || window.recover_more > 0;
    window.recover_upto = std::min(window.recover_upto, spool.received);
    window.recover_more = 0;
}

/// What is left of it, as far as the other spool's node says that it holds so many. What it says is gone of that spool
/// does not count: the numbers up to there would be open as well. Of a spool that begins behind such a gap so many are
/// open, whichever they are.
void move_window(Spool& from, Spool& to, const link::Hello& hello) {
    SpoolRecord& before = from.record;
    SpoolRecord& window = to.record;
    const std::uint64_t open = left_of(window.recover_upto, to.received);
    const std::uint64_t room = left_of(left_of(hello.spool_last, to.received), open);
    const std::uint64_t given = std::min(left_of(before.recover_upto, from.received), room);
    from.gave_window |= given > 0 || before.recover_more > 0;
    before.recover_upto -= given;
    if (hello.spool_first > to.received + 1)
        window.recover_more += given;
    else if (given > 0)
        window.recover_upto = to.received + open + given;
    window.recover_more += std::exchange(before.recover_more, 0);
}

/// Of the spool's window, by a result with this number.
void spend(Spool& spool, std::uint64_t n) {
    if (n > spool.record.recover_upto) --spool.record.recover_more;
}

/// Of results that a node does not have any more, and the store never had.
std::string why_missing(const std::optional<link::SpoolGap>& gap) {
    if (!gap) return "the node does not have these results any more, and the store never had them";
    return "the node gave up these results to have room for new ones, before the broker had them; they began between " +
           rfc3339_ms(gap->from_us) + " and " + rfc3339_ms(gap->to_us);
}

}  // namespace

void Recovery::begin(const Node& node, Spool& spool, const link::Hello& hello) const {
    const bool is_first = is_due(node);
    for (const auto& other : node.spools) {
        if (other.get() == &spool) continue;
        if (is_first)
            close_window(*other);  // of an earlier restore
        else
            move_window(*other, spool, hello);
    }
    if (is_first) open_window(spool, hello);
}

void Recovery::confirm(const Node& node, Batch& batch) {
    for (const auto& spool : node.spools) {
        if (!std::exchange(spool->gave_window, false) || !spool->is_stored) continue;
        SpoolRecord record = spool->record;
        record.committed = spool->received;  // behind whatever of it is being written
        batch.push_back(PutSpool{std::move(record)});
    }
}

Task* Recovery::task_of(Session& session, const link::TaskResult& result, Conclusion& conclusion, Now now) {
    if (result.attempt == 0) return nullptr;
    if (Task* known = state_.runs.task(result.task_id)) {
        // Attempts were made after the backup as well.
        const bool is_own =
            known->node == session.node && known->run->id == result.run_id && known->line.name == result.line;
        if (!is_own || result.attempt <= known->attempt) return is_own ? known : nullptr;
        if (result.attempt > kMostAttempts) return nullptr;
        spend(*session.spool, result.n);
        known->attempt = result.attempt;
        return known;
    }
    const RunPtr known = state_.runs.find(result.run_id);
    // A run that is known has all of its tasks, but those that went elsewhere since the backup.
    const bool is_whole = known && !known->recovered && known->terms.when_unknown != WhenUnknown::elsewhere;
    if (is_whole || result.attempt > kMostAttempts) return nullptr;
    TaskRecord task{.row = take_key(state_.next.next_task),
                    .id = result.task_id,
                    .run = known ? known->row : RunRow{},
                    .node = session.node->record.row,
                    .line = line_of(*session.node, result.line),
                    .attempt = result.attempt,
                    .offered = true};
    ++state_.counters.recovered;
    spend(*session.spool, result.n);
    if (!known) {
        make_run(result, std::move(task), conclusion, now);
    } else {
        conclusion.add(AddTask{task});
        ++known->shown.total;
        state_.runs.add_tasks(*known, {task}, state_.fleet, ActiveRuns::Origin::store);
    }
    return state_.runs.task(result.task_id);
}

/// Of the job only what the result says is known. The run is finished as far as it is known.
RunPtr Recovery::make_run(const link::TaskResult& result, TaskRecord task, Conclusion& conclusion, Now now) {
    const WallTime at = std::min<WallTime>(result.started_us, now.wall);
    std::string target = result.target;
    cut_text(target, kMostTarget);
    Json params = {{"target", target}};
    LoadedRun made;
    made.job = JobRecord{.row = take_key(state_.next.next_job),
                         .id = state_.make_id<JobId>(now),
                         .service = result.service,
                         .params = dump_json(params),
                         .target = std::move(target),
                         .selector = {},
                         .terms = {},
                         .labels = {},
                         .created_at = at,
                         .recovered = true};
    made.run.row = take_key(state_.next.next_run);
    made.run.id = result.run_id;
    made.run.job = made.job.row;
    made.run.created_at = at;
    made.run.total = 1;
    made.run.recovered = true;
    task.run = made.run.row;
    made.tasks.push_back(std::move(task));
    conclusion.add(AddRun{made.job, made.run, made.tasks});
    return state_.runs.add(made, std::move(params), state_.fleet, now, ActiveRuns::Origin::store);
}

link::Reject Recovery::refuse(Node& node, const link::Hello& hello, Now now, Actions& out) const {
    ++state_.counters.store_behind;
    const std::string ours = std::to_string(node.record.join_counter);
    const std::string theirs = std::to_string(hello.join_counter);
    if (state_.ahead.insert(&node).second) {
        out.effects.push_back(Noted{
            "store.behind", "node=" + node.record.id.text() + " name=" + node.record.name.text() +
                                " store_has=" + ours + " node_has=" + theirs +
                                " hint=\"the store is older than this node's last session: if a backup was put in its "
                                "place, stop the broker and run edge-broker restore --in-place\""});
        state_.journal.write(out, Batch{event_of(node, now.wall, NodeEventKind::store_behind)}, nullptr);
    }
    return link::Reject{.code = link::RejectCode::store_behind,
                        .text = "the broker's store is older than this node's last session: it has join counter " +
                                ours + " and the node has " + theirs + "; its operator has to look at it",
                        .retry_after_ms = kRetryMs,
                        .fatal = false};
}

void Recovery::note_gap(Session& session, Now now, Batch& batch, Actions& out) const {
    Spool& spool = *session.spool;
    const std::uint64_t next = session.expected_n();
    if (next <= spool.received + 1) return;
    const std::string from = std::to_string(spool.received + 1);
    const std::string upto = std::to_string(next - 1);
    state_.counters.gaps += next - 1 - spool.received;
    out.effects.push_back(
        Noted{"results.gap", "node=" + session.node->record.id.text() + " name=" + session.node->record.name.text() +
                                 " spool=" + spool.record.id.text() + " from=" + from + " to=" + upto});
    AddEvent told = event_of(*session.node, now.wall, NodeEventKind::results_gap);
    told.event.was = from;
    told.event.became = upto;
    told.event.reason = why_missing(session.hello.gap);
    batch.push_back(std::move(told));
    spool.received = next - 1;
    SpoolRecord record = spool.record;
    record.committed = spool.received;  // behind whatever of it is being written
    batch.push_back(PutSpool{std::move(record)});
}

}  // namespace edge::broker
