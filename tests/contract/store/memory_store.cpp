#include "tests/contract/store/memory_store.hpp"

#include <algorithm>
#include <iterator>
#include <limits>

#include "broker/store/cursor.hpp"
#include "broker/store/row_text.hpp"
#include "broker/store/sqlite_rows.hpp"

namespace edge::broker {
namespace {

Error broken(const std::string& what) {
    return Error{Errc::io, {}, "constraint: " + what};
}

template <class Map>
auto next_row(const Map& rows) {
    using Row = typename Map::key_type;
    return Row{rows.empty() ? 1 : static_cast<std::int64_t>(rows.rbegin()->first) + 1};
}

template <class T, class Map, class Make>
Result<Page<T>> newest_first(const Map& rows, const PageRequest& request, char kind, Make make) {
    EDGE_TRY(const auto before, parse_cursor(kind, request.cursor, INT64_MAX));
    Page<T> page;
    std::int64_t last = 0;
    for (auto at = rows.rbegin(); at != rows.rend(); ++at) {
        const auto key = static_cast<std::int64_t>(at->first);
        if (key >= before) continue;
        if (page.items.size() == request.limit) {
            page.next_cursor = make_cursor(kind, last);
            break;
        }
        page.items.push_back(make(at->second));
        last = key;
    }
    return page;
}

}  // namespace

Result<> MemoryStore::Tables::put(const PutNode& change) {
    for (const auto& [row, node] : nodes) {
        if (row == change.node.row) continue;
        if (node.name == change.node.name || node.key == change.node.key || node.id == change.node.id)
            return broken("nodes");
    }
    nodes[change.node.row] = change.node;
    return ok();
}

Result<> MemoryStore::Tables::put(const PutSpool& change) {
    if (!nodes.contains(change.spool.node)) return broken("spools.node");
    auto& spool = spools.try_emplace(change.spool.row, change.spool).first->second;
    spool.committed = std::max(spool.committed, change.spool.committed);
    spool.newest_rid = std::max(spool.newest_rid, change.spool.newest_rid);
    spool.recover_upto = change.spool.recover_upto;
    spool.recover_more = change.spool.recover_more;
    return ok();
}

JoinTokenRecord* MemoryStore::Tables::join_token(TokenId id) {
    const auto at = std::ranges::find(join_tokens, id, &JoinTokenRecord::id);
    return at == join_tokens.end() ? nullptr : &*at;
}

Result<> MemoryStore::Tables::put(const AddJoinToken& change) {
    if (join_token(change.token.id)) return broken("join_tokens");
    join_tokens.push_back(change.token);
    return ok();
}

Result<> MemoryStore::Tables::put(const UseJoinToken& change) {
    if (JoinTokenRecord* token = join_token(change.token)) {
        ++token->used;
        token->used_at = change.at;
    }
    return ok();
}

Result<> MemoryStore::Tables::put(const RevokeJoinToken& change) {
    if (JoinTokenRecord* token = join_token(change.token)) token->revoked_at = change.at;
    return ok();
}

Result<> MemoryStore::Tables::put(const AddApiToken& change) {
    for (const auto& token : api_tokens) {
        if (token.lookup == change.token.lookup) return broken("api_tokens.lookup");
    }
    api_tokens.push_back(change.token);
    return ok();
}

Result<> MemoryStore::Tables::put(const AddRun& change) {
    if (!jobs.emplace(change.job.row, change.job).second) return broken("jobs");
    return add(change.run, change.tasks);
}

Result<> MemoryStore::Tables::put(const AddPlannedRun& change) {
    if (!jobs.contains(change.run.job)) return ok();
    return add(change.run, change.tasks);
}

Result<> MemoryStore::Tables::add(const RunRecord& run, const std::vector<TaskRecord>& added) {
    if (!run_rows.emplace(run.id, run.row).second) return broken("runs.id");
    if (run.tick > 0 && !ticks.emplace(run.job, run.tick).second) return broken("runs.tick");
    if (!runs.emplace(run.row, run).second) return broken("runs.k");
    for (const auto& task : added) {
        EDGE_TRY(add(task));
    }
    return ok();
}

Result<> MemoryStore::Tables::add(const TaskRecord& task) {
    if (!nodes.contains(task.node) || !tasks.emplace(task.row, task).second) return broken("tasks");
    task_rows.emplace(task.id, task.row);
    return ok();
}

Result<> MemoryStore::Tables::put(const PutJob& change) {
    const auto [at, is_new] = jobs.try_emplace(change.job.row, change.job);
    if (is_new) return ok();
    at->second.state = change.job.state;
    at->second.revised_at = change.job.revised_at;
    at->second.ended_at = change.job.ended_at;
    at->second.made_until = change.job.made_until;
    return ok();
}

Result<> MemoryStore::Tables::put(const AddJobKey& change) {
    job_keys[change.key] = change;
    return ok();
}

Result<> MemoryStore::Tables::put(const SetMade& change) {
    const auto at = jobs.find(change.job);
    if (at != jobs.end()) at->second.made_until = change.until;
    return ok();
}

Result<> MemoryStore::Tables::put(const AddTask& change) {
    const TaskRecord& task = change.task;
    const auto run = runs.find(task.run);
    if (run == runs.end()) return ok();
    EDGE_TRY(add(task));
    ++run->second.total;
    return ok();
}

Result<> MemoryStore::Tables::put(const AddKey& change) {
    if (!runs.contains(change.key.run)) return broken("idempotency_keys.run");
    keys[change.key.key] = change.key;
    return ok();
}

Result<> MemoryStore::Tables::put(const SetTask& change) {
    const auto at = tasks.find(change.task);
    if (at == tasks.end()) return ok();
    at->second.state = change.state;
    at->second.attempt = change.attempt;
    at->second.recorded = change.recorded;
    at->second.offered = change.offered;
    return ok();
}

Result<> MemoryStore::Tables::put(const SetRun& change) {
    const auto at = runs.find(change.run);
    if (at == runs.end()) return ok();
    at->second.state = change.state;
    at->second.finished_at = change.finished_at;
    at->second.outcomes = change.outcomes;
    return ok();
}

Result<> MemoryStore::Tables::put(const AddResult& change) {
    const auto& result = change.view->result;
    if (attempts.contains({change.task, result.attempt}) || !tasks.contains(change.task)) return ok();
    if (!spools.contains(change.spool) || !runs.contains(change.run) || !tasks.contains(change.task))
        return broken("results");
    if (!results.emplace(change.row, StoredResult{change.row, change.spool, change.run, change.task, change.view})
             .second) {
        return broken("results.k");
    }
    attempts.emplace(change.task, result.attempt);
    rids.emplace(change.spool, result.rid);
    return ok();
}

Result<> MemoryStore::Tables::put(const AddAudit& change) {
    audit.push_back(change.audit);
    return ok();
}

Result<> MemoryStore::Tables::put(const AddEvent& change) {
    events[{change.node, change.event.n}] = change.event;
    std::erase_if(events, [&](const auto& item) {
        return item.first.first == change.node && item.first.second + kEventsKept <= change.event.n;
    });
    return ok();
}

Result<> MemoryStore::apply(std::span<const Batch> batches) {
    const std::lock_guard lock(mutex_);
    if (!has_space_) return Error{Errc::unavailable, {}, "no space"};
    const bool may_break = std::any_of(batches.begin(), batches.end(), [](const Batch& batch) {
        return std::any_of(batch.begin(), batch.end(), [](const Change& one) {
            return !std::holds_alternative<AddResult>(one) && !std::holds_alternative<SetTask>(one) &&
                   !std::holds_alternative<SetRun>(one);
        });
    });
    std::optional<Tables> before;
    if (may_break && tables_.tasks.size() < 1'000) before = tables_;
    for (const auto& batch : batches) {
        for (const auto& change : batch) {
            const auto done = std::visit([this](const auto& one) { return tables_.put(one); }, change);
            if (done) continue;
            if (before) tables_ = std::move(*before);
            return done;
        }
    }
    ++transactions_;
    return ok();
}

/// … and for how long it may have gone.
std::optional<std::pair<RunRow, std::uint64_t>> MemoryStore::Tables::oldest(const ForgetBefore& before) const {
    std::optional<std::pair<RunRow, std::uint64_t>> found;
    for (const auto& [row, run] : runs) {
        const Outcomes& ends = run.outcomes;
        const bool failed = ends.failed + ends.timed_out + ends.expired + ends.lost > 0;
        const WallTime limit = failed ? before.failed : before.runs;
        if (!run.finished_at || *run.finished_at >= limit) continue;
        if (!found || limit - *run.finished_at > found->second) found = {row, limit - *run.finished_at};
    }
    return found;
}

bool MemoryStore::Tables::forget_run(RunRow row, WallTime revisions, std::uint64_t& left, Forgotten& gone) {
    const auto take_some = [&](auto& rows, auto belongs) {
        for (auto at = rows.begin(); left > 0 && at != rows.end();) {
            if (!belongs(at->second)) {
                ++at;
                continue;
            }
            at = rows.erase(at);
            --left;
            ++gone.rows;
        }
    };
    const std::size_t before = results.size();
    take_some(results, [&](const StoredResult& result) {
        if (result.run == row) rids.erase({result.spool, result.view->result.rid});
        return result.run == row;
    });
    gone.results += before - results.size();
    take_some(tasks, [row](const TaskRecord& task) { return task.run == row; });
    std::erase_if(task_rows, [this](const auto& one) { return !tasks.contains(one.second); });
    if (left == 0) return false;
    std::erase_if(keys, [row](const auto& key) { return key.second.run == row; });
    const JobRecord& job = jobs.at(runs.at(row).job);
    run_rows.erase(runs.at(row).id);
    ticks.erase({runs.at(row).job, runs.at(row).tick});
    runs.erase(row);
    ++gone.runs;
    ++gone.rows;
    const bool may_go = job.state == JobState::once || (job.state == JobState::replaced && job.ended_at < revisions);
    if (may_go && std::none_of(runs.begin(), runs.end(), [&](const auto& one) { return one.second.job == job.row; }))
        jobs.erase(JobRow{job.row});
    return true;
}

Result<Forgotten> MemoryStore::forget(const ForgetBefore& before, std::uint32_t most_rows) {
    const std::lock_guard lock(mutex_);
    if (!has_space_) return Error{Errc::unavailable, {}, "no space"};
    Forgotten gone;
    gone.rows = std::erase_if(tables_.keys, [&](const auto& key) { return key.second.created_at < before.keys; });
    std::uint64_t left = most_rows;
    while (const auto run = tables_.oldest(before)) {
        gone.overdue_us = run->second;
        if (left == 0 || !tables_.forget_run(run->first, before.revisions, left, gone)) return gone;
        gone.overdue_us.reset();
    }
    return gone;
}

Result<Loaded> MemoryStore::load() {
    const std::lock_guard lock(mutex_);
    Loaded all;
    all.generation = tables_.generation;
    for (const auto& [row, node] : tables_.nodes) all.nodes.push_back(node);
    for (const auto& [row, spool] : tables_.spools) all.spools.push_back(spool);
    all.join_tokens = tables_.join_tokens;
    all.api_tokens = tables_.api_tokens;
    std::map<RunRow, std::vector<TaskRecord>> tasks_of;
    for (const auto& [row, task] : tables_.tasks) tasks_of[task.run].push_back(task);
    for (const auto& [row, run] : tables_.runs) {
        if (run.state == RunState::running)
            all.unfinished.push_back({.run = run, .job = tables_.jobs.at(run.job), .tasks = std::move(tasks_of[row])});
    }
    for (const auto& [row, job] : tables_.jobs) {
        if (job.schedule) all.planned.push_back(job);
    }
    for (const auto& [row, run] : tables_.runs) {
        const JobRecord& job = tables_.jobs.at(run.job);
        if (job.schedule && run.tick > job.made_until) all.made_early[job.row].push_back(run.tick);
    }
    for (auto& [row, ticks] : all.made_early) std::sort(ticks.begin(), ticks.end());
    for (const auto& [key, event] : tables_.events) all.last_events[key.first] = key.second;
    all.next_node = next_row(tables_.nodes);
    all.next_spool = next_row(tables_.spools);
    all.next_job = next_row(tables_.jobs);
    all.next_run = next_row(tables_.runs);
    all.next_task = next_row(tables_.tasks);
    all.next_result = next_row(tables_.results);
    all.webhooks = tables_.webhooks.loaded();
    all.next_webhook = tables_.webhooks.next_webhook();
    all.next_message = tables_.webhooks.next_message();
    all.next_delivery = tables_.webhooks.next_delivery();
    return all;
}

const RunRecord* MemoryStore::find_run(RunId id) const {
    const auto at = tables_.run_rows.find(id);
    return at == tables_.run_rows.end() ? nullptr : &tables_.runs.at(at->second);
}

Result<std::optional<RunView>> MemoryStore::run(RunId id) {
    const std::lock_guard lock(mutex_);
    const RunRecord* found = find_run(id);
    if (!found) return std::optional<RunView>();
    return std::optional(rows::view_of(*found, tables_.jobs.at(found->job)));
}

namespace {

bool is_wanted(const JobRecord& job, const JobFilter& filter) {
    return (!filter.service || job.service == *filter.service) && (!filter.origin || job.origin == *filter.origin) &&
           (!filter.without || job.origin != *filter.without) && (!filter.state || job.state == *filter.state) &&
           std::ranges::find(filter.not_in, job.state) == filter.not_in.end() && job.target.starts_with(filter.target);
}

}  // namespace

Result<Page<RunView>> MemoryStore::runs(const RunFilter& filter, const PageRequest& page) {
    const std::lock_guard lock(mutex_);
    std::map<RunRow, RunRecord> wanted;
    for (const auto& [row, run] : tables_.runs) {
        const JobRecord& job = tables_.jobs.at(run.job);
        if (is_wanted(job, filter.job) && (!filter.state || run.state == *filter.state) &&
            (!filter.of_job || job.id == *filter.of_job))
            wanted.emplace(row, run);
    }
    return newest_first<RunView>(wanted, page, 'r',
                                 [this](const RunRecord& run) { return rows::view_of(run, tables_.jobs.at(run.job)); });
}

namespace {

JobView job_view(const JobRecord& job, const std::map<RunRow, RunRecord>& runs,
                 const std::map<JobRow, JobRecord>& jobs) {
    JobView view{job.id,       job.origin,   job.service, parse_json(job.params).value(),
                 job.selector, job.terms,    job.labels,  job.created_at,
                 {},           job.recovered};
    for (const auto& [row, run] : runs) {
        if (jobs.at(run.job).id == job.id) view.last_run = run.id;
    }
    if (job.schedule) view.plan = PlanView{*job.schedule, job.state, job.revision, job.revised_at, {}, 0};
    return view;
}

}  // namespace

Result<std::optional<JobView>> MemoryStore::job(JobId id) {
    const std::lock_guard lock(mutex_);
    std::optional<JobView> found;  // of the newest revision
    for (const auto& [row, job] : tables_.jobs) {
        if (job.id == id) found = job_view(job, tables_.runs, tables_.jobs);
    }
    return found;
}

Result<Page<JobView>> MemoryStore::jobs(const JobFilter& filter, const PageRequest& page) {
    const std::lock_guard lock(mutex_);
    std::map<JobRow, JobRecord> wanted;
    for (const auto& [row, job] : tables_.jobs) {
        if (is_wanted(job, filter) && job.state != JobState::replaced) wanted.emplace(row, job);
    }
    return newest_first<JobView>(wanted, page, 'j',
                                 [this](const JobRecord& job) { return job_view(job, tables_.runs, tables_.jobs); });
}

Result<Page<TaskView>> MemoryStore::tasks(RunId run, const PageRequest& request) {
    const std::lock_guard lock(mutex_);
    EDGE_TRY(const auto after, parse_cursor('t', request.cursor, 0));
    Page<TaskView> page;
    std::int64_t last = 0;
    const RunRecord* found = find_run(run);
    for (const auto& [row, task] : tables_.tasks) {
        if (!found || task.run != found->row || static_cast<std::int64_t>(row) <= after) continue;
        if (page.items.size() == request.limit) {
            page.next_cursor = make_cursor('t', last);
            break;
        }
        const NodeRecord& node = tables_.nodes.at(task.node);
        page.items.push_back(TaskView{task.id, {node.id, node.name}, task.line, task.state, task.attempt});
        last = static_cast<std::int64_t>(row);
    }
    return page;
}

Result<Page<ResultView>> MemoryStore::results(RunId run, const PageRequest& request) {
    const std::lock_guard lock(mutex_);
    EDGE_TRY(const auto after, parse_cursor('x', request.cursor, 0));
    const RunRecord* found = find_run(run);
    Page<ResultView> page;
    std::int64_t last = 0;
    std::size_t bytes = 0;
    for (const auto& [row, result] : tables_.results) {
        if (!found || result.run != found->row || static_cast<std::int64_t>(row) <= after) continue;
        bytes += to_column(result.view->result).size() + result.view->detail.size();
        if (page.items.size() == request.limit || (!page.items.empty() && bytes > kMostPageBytes)) {
            page.next_cursor = make_cursor('x', last);
            break;
        }
        page.items.push_back(*result.view);
        last = static_cast<std::int64_t>(row);
    }
    return page;
}

Result<std::optional<ResultView>> MemoryStore::result(ResultId id) {
    const std::lock_guard lock(mutex_);
    for (const auto& [row, result] : tables_.results) {
        if (result.view->result.rid == id) return std::optional(*result.view);
    }
    return std::optional<ResultView>();
}

Result<std::vector<ResultId>> MemoryStore::known_rids(SpoolRow spool, const std::vector<ResultId>& rids) {
    const std::lock_guard lock(mutex_);
    std::vector<ResultId> known;
    std::copy_if(rids.begin(), rids.end(), std::back_inserter(known), [&](const ResultId& rid) {
        return tables_.rids.contains({spool, rid});
    });
    return known;
}

Result<Page<NodeEvent>> MemoryStore::events(NodeId node, const PageRequest& request) {
    const std::lock_guard lock(mutex_);
    EDGE_TRY(const auto before, parse_cursor('e', request.cursor, std::numeric_limits<std::int64_t>::max()));
    Page<NodeEvent> page;
    for (auto at = tables_.events.rbegin(); at != tables_.events.rend(); ++at) {
        const auto& [key, event] = *at;
        if (tables_.nodes.at(key.first).id != node || key.second >= static_cast<std::uint64_t>(before)) continue;
        if (page.items.size() == request.limit) {
            page.next_cursor = make_cursor('e', static_cast<std::int64_t>(page.items.back().n));
            break;
        }
        page.items.push_back(event);
    }
    return page;
}

Result<std::optional<FoundKey>> MemoryStore::find_key(const std::string& key) {
    const std::lock_guard lock(mutex_);
    const auto at = tables_.keys.find(key);
    if (const auto job = tables_.job_keys.find(key); at == tables_.keys.end() && job != tables_.job_keys.end())
        return std::optional(FoundKey{job->second.fingerprint, job->second.created_at, {}, job->second.job});
    if (at == tables_.keys.end()) return std::optional<FoundKey>();
    const RunRecord& run = tables_.runs.at(at->second.run);
    return std::optional(
        FoundKey{at->second.fingerprint, at->second.created_at, rows::view_of(run, tables_.jobs.at(run.job))});
}

Result<std::vector<LoadedRun>> MemoryStore::runs_of(const std::vector<TaskId>& tasks, const std::vector<RunId>& runs) {
    const std::lock_guard lock(mutex_);
    std::set<TaskRow> of_these;
    for (const TaskId& id : tasks) {
        if (const auto at = tables_.task_rows.find(id); at != tables_.task_rows.end()) of_these.insert(at->second);
    }
    std::map<RunRow, std::vector<TaskRecord>> rows;
    for (const TaskRow row : of_these) rows[tables_.tasks.at(row).run].push_back(tables_.tasks.at(row));
    for (const RunId& id : runs) {
        if (const RunRecord* run = find_run(id)) rows.try_emplace(run->row);
    }
    std::vector<LoadedRun> found;
    for (auto& [row, its_tasks] : rows) {
        const RunRecord& run = tables_.runs.at(row);
        found.push_back({.run = run, .job = tables_.jobs.at(run.job), .tasks = std::move(its_tasks)});
    }
    return found;
}

std::shared_ptr<const void> MemoryStore::backup() const {
    const std::lock_guard lock(mutex_);
    return std::make_shared<const Tables>(tables_);
}

void MemoryStore::restore(const std::shared_ptr<const void>& backup, GenerationId generation, WallTime at) {
    const std::lock_guard lock(mutex_);
    tables_ = *static_cast<const Tables*>(backup.get());
    const auto row = static_cast<std::int64_t>(tables_.generation.row) + 1;
    tables_.generation = {GenerationRow{row}, generation, at};
}

void MemoryStore::undo_generation() {
    const std::lock_guard lock(mutex_);
    tables_.generation = GenerationRecord{GenerationRow{1}, GenerationId{{1}}, std::nullopt};
}

std::vector<MemoryStore::StoredResult> MemoryStore::all_results() const {
    const std::lock_guard lock(mutex_);
    std::vector<StoredResult> all;
    for (const auto& [row, result] : tables_.results) all.push_back(result);
    return all;
}

std::vector<AuditRecord> MemoryStore::all_audit() const {
    const std::lock_guard lock(mutex_);
    return tables_.audit;
}

}  // namespace edge::broker
