#include "broker/domain/plans.hpp"

#include <algorithm>
#include <utility>

#include "broker/domain/choice.hpp"
#include "broker/domain/jobs.hpp"
#include "broker/domain/selector.hpp"
#include "protocol/json/described.hpp"
#include "protocol/schedule/plan_ids.hpp"

namespace edge::broker {
namespace {

constexpr std::size_t kMostJobs = 10'000;
constexpr std::size_t kMostTasks = 100'000;
constexpr std::size_t kTicksShown = 3;
constexpr WallTime kKeyLifetime = 86'400'000'000;

/// Where the schedule is at in a request.
Error in_schedule(Error error) {
    if (error.where.ends_with("_us")) error.where.replace(error.where.size() - 2, 2, "ms");
    error.where = "/schedule" + error.where;
    return error;
}

}  // namespace

// ── revisions ──

Result<RevisionPtr> Plans::revision_of(JobRecord record) const {
    EDGE_TRY(auto params, parse_json(record.params));
    EDGE_TRY(auto spec, decode_spec(record.service, params));
    EDGE_TRY(const auto selector, parse_selector(record.selector));
    Schedule when = record.schedule->when;
    if (state_.options.zone_offsets) {
        auto offsets = state_.options.zone_offsets(record.schedule->zone, record.revised_at);
        if (!offsets) return Error{Errc::bad_value, "/schedule/zone", offsets.error().detail};
        when.offsets = std::move(offsets.value());
    } else if (record.schedule->zone != "UTC") {
        return Error{Errc::bad_value, "/schedule/zone", "only UTC is known here"};
    }
    if (when.every_ms) when.phase_ms = record.terms.align ? 0 : phase_ms_of(record.id, *when.every_ms);
    when.start_us = std::max(when.start_us, record.revised_at + 1);
    auto ticks = Ticks::of(when);
    if (!ticks) return in_schedule(ticks.error());
    auto revision =
        std::make_shared<Revision>(std::move(record), std::move(spec), std::move(when), std::move(ticks.value()));
    revision->is_limited = selector.limit.has_value();
    revision->looked_until = revision->record.made_until;
    return revision;
}

void Plans::load(std::vector<JobRecord> records, const std::map<JobRow, std::vector<WallTime>>& early, Now now,
                 Actions& out) {
    WallTime& alive_until = state_.planned.alive_until;
    for (const JobRecord& record : records)
        alive_until = std::max({alive_until, record.made_until, record.revised_at, record.ended_at});
    for (const auto& node : state_.fleet.nodes())
        alive_until = std::max(alive_until, node->record.last_seen_at.value_or(0));
    alive_until = std::min(alive_until, now.wall);
    for (JobRecord& record : records) {
        const JobId id = record.id;
        const JobRow row = record.row;
        const JobState job_state = record.state;
        auto made = revision_of(std::move(record));
        if (!made) {
            // Its zone went with an update of the system, or it says what this version no longer takes.
            out.effects.push_back(
                Noted{"job.not_loaded", "job=" + id.text() + " why=\"" + made.error().message() + "\""});
            continue;
        }
        const RevisionPtr revision = std::move(made.value());
        if (const auto at = early.find(row); at != early.end())
            revision->early.insert(at->second.begin(), at->second.end());
        const bool is_current = job_state == JobState::active || job_state == JobState::paused;
        if (is_current)
            state_.planned.current[id] = revision;
        else
            state_.planned.ended.emplace(id, revision);
        targets_.resolve(*revision, now, out);
        if (job_state == JobState::active) runs_.begin(*revision, now);
        if (job_state != JobState::active) targets_.withdraw(*revision, now, out);
    }
    forget_ended(now);
}

void Plans::in_force(const RevisionPtr& revision, Now now, Actions& out) {
    state_.planned.current[revision->record.id] = revision;
    targets_.resolve(*revision, now, out);
    runs_.begin(*revision, now);
}

/// Those that no node can go by any more.
void Plans::forget_ended(Now now) {
    std::erase_if(state_.planned.ended, [&](const auto& one) {
        return one.second->record.ended_at + state_.options.plan_lease_ms * 1'000 < now.wall;
    });
}

// ── made ──

void Plans::create(Ticket ticket, JobRequest request, Now now, Actions& out) {
    const std::string key = request.idempotency_key;
    if (key.empty()) return start(key, Waiting{std::move(request), {ticket}}, now, out);
    if (const auto at = waiting_.find(key); at != waiting_.end()) {
        if (at->second.request.fingerprint != request.fingerprint) return answer({ticket}, reused_key(), out);
        at->second.tickets.push_back(ticket);
        return;
    }
    waiting_[key] = Waiting{std::move(request), {ticket}};
    searching_[static_cast<std::uint64_t>(ticket)] = key;
    out.find_keys.push_back(FindKey{ticket, key});
}

bool Plans::key_found(Ticket ticket, const Result<std::optional<FoundKey>>& found, Now now, Actions& out) {
    const auto at = searching_.find(static_cast<std::uint64_t>(ticket));
    if (at == searching_.end()) return false;
    const std::string key = std::move(at->second);
    searching_.erase(at);
    Waiting& waiting = waiting_.at(key);
    const bool is_known = found && found.value() && found.value()->created_at + kKeyLifetime >= now.wall;
    if (found && !is_known) {
        start(key, waiting, now, out);
        return true;
    }
    const auto tickets = std::move(waiting.tickets);
    const Digest fingerprint = waiting.request.fingerprint;
    waiting_.erase(key);
    if (!found)
        answer(tickets, found.error(), out);
    else if (!found.value()->job || found.value()->fingerprint != fingerprint)
        answer(tickets, reused_key(), out);
    else
        answer(tickets, *found.value()->job, out);
    return true;
}

void Plans::answer(const std::vector<Ticket>& tickets, const Result<JobId>& job, Actions& out) {
    for (const Ticket ticket : tickets) out.effects.push_back(PlanAnswer{ticket, job});
}

Result<JobRecord> Plans::record_of(const JobRequest& request, Now now) {
    if (state_.planned.current.size() >= kMostJobs)
        return Error{Errc::too_large, {}, "there are 10000 recurring jobs; delete one first"};
    EDGE_TRY(check_terms(request.terms));
    if (request.terms.when_unknown != WhenUnknown::wait)
        return Error{Errc::bad_value, "/when_unknown",
                     "a recurring job waits: its nodes go on with it while the broker is away"};
    // A selector that names nothing now is a mistake, though nodes may come later.
    EDGE_TRY(const auto choice,
             choose_lines(state_.fleet, request.selector, request.spec, request.terms.require_level));
    if (choice.lines.size() * request.terms.repeat > kMostTasks)
        return Error{Errc::bad_value, "/selector",
                     "makes more than 100000 tasks each time; repeat less, or add limit:N"};
    return JobRecord{.row = take_key(state_.next.next_job),
                     .id = state_.make_id<JobId>(now),
                     .service = service_of(request.spec),
                     .params = dump_json(encode_spec(request.spec)),
                     .target = target_of(request.spec),
                     .selector = request.selector,
                     .terms = request.terms,
                     .labels = request.labels,
                     .created_at = now.wall,
                     .schedule = request.schedule,
                     .state = JobState::active,
                     .revision = 1,
                     .revised_at = now.wall,
                     .ended_at = 0,
                     .made_until = now.wall,
                     .fingerprint = request.fingerprint};
}

void Plans::start(const std::string& key, Waiting waiting, Now now, Actions& out) {
    // The key stays in waiting_ until there is an answer: who asks again gets the same one.
    const auto done = [this, key](std::vector<Ticket> tickets, const Result<JobId>& job, Actions& after) {
        if (const auto at = waiting_.find(key); !key.empty() && at != waiting_.end()) {
            tickets = std::move(at->second.tickets);
            waiting_.erase(at);
        }
        answer(tickets, job, after);
    };
    auto record = record_of(waiting.request, now);
    if (!record) return done(waiting.tickets, record.error(), out);
    auto revision = revision_of(std::move(record.value()));
    if (!revision) return done(waiting.tickets, revision.error(), out);
    Batch batch{PutJob{revision.value()->record}};
    if (!key.empty())
        batch.push_back(AddJobKey{key, waiting.request.fingerprint, revision.value()->record.id, now.wall});
    state_.journal.ask(
        out, std::move(batch),
        [this, done, tickets = waiting.tickets, made = revision.value()](Now at, Actions& after) {
            in_force(made, at, after);
            done(tickets, made->record.id, after);
        },
        [done, tickets = waiting.tickets](const Error& error, Now, Actions& after) { done(tickets, error, after); });
}

// ── shown ──

void Plans::complete(JobView& view, Now now) const {
    const RevisionPtr revision = view.plan ? state_.planned.find(view.id) : nullptr;
    if (!revision || !revision->is_active()) return;
    for (const auto& [row, lines] : revision->lines) view.plan->lines += static_cast<std::uint32_t>(lines.size());
    for (auto tick = revision->ticks.next(now.wall); tick && view.plan->next_ticks.size() < kTicksShown;
         tick = revision->ticks.next(*tick))
        view.plan->next_ticks.push_back(*tick);
}

}  // namespace edge::broker
