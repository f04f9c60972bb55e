#include "broker/domain/jobs.hpp"

#include <utility>

#include "protocol/json/described.hpp"

namespace edge::broker {
namespace {

constexpr std::size_t kMostTasks = 100'000;
constexpr std::uint32_t kMostRepeats = 1'000;
constexpr std::uint32_t kMostStartWithinMs = 86'400'000;
constexpr std::uint64_t kRunMarginMs = 2'000;  // over a probe's own timeouts: hand-over, a busy machine
constexpr WallTime kKeyLifetime = 86'400'000'000;

Error reused_key() {
    return Error{Errc::conflict, "/idempotency_key",
                 "this Idempotency-Key was used with another request; take a new one"};
}

}  // namespace

void Jobs::create(Ticket ticket, JobRequest request, Now now, Actions& out) {
    if (request.idempotency_key.empty()) return start(ticket, std::move(request), now, out);
    const std::string key = request.idempotency_key;
    if (const auto at = waiting_.find(key); at != waiting_.end()) {
        if (at->second.fingerprint != request.fingerprint) {
            out.effects.push_back(JobAnswer{ticket, reused_key()});
        } else {
            at->second.tickets.push_back(ticket);
        }
        return;
    }
    const Digest fingerprint = request.fingerprint;
    waiting_[key] = Waiting{fingerprint, std::move(request), {}};
    searching_[static_cast<std::uint64_t>(ticket)] = key;
    out.find_keys.push_back(FindKey{ticket, key});
}

void Jobs::key_found(Ticket ticket, Result<std::optional<FoundKey>> found, Now now, Actions& out) {
    const auto at = searching_.find(static_cast<std::uint64_t>(ticket));
    if (at == searching_.end()) return;
    const std::string key = std::move(at->second);
    searching_.erase(at);
    JobRequest request = std::move(waiting_[key].request);
    if (!found) return answer(ticket, key, found.error(), out);
    const auto& known = found.value();
    if (!known || known->created_at + kKeyLifetime < now.wall) return start(ticket, std::move(request), now, out);
    if (known->fingerprint != request.fingerprint) return answer(ticket, key, reused_key(), out);
    const RunPtr run = state_.runs.find(known->run.id);
    answer(ticket, key, run ? ActiveRuns::view(*run) : known->run, out);
}

void Jobs::answer(Ticket ticket, const std::string& key, Result<RunView> run, Actions& out) {
    if (const auto at = waiting_.find(key); !key.empty() && at != waiting_.end()) {
        for (const auto other : at->second.tickets) out.effects.push_back(JobAnswer{other, run});
        waiting_.erase(at);
    }
    out.effects.push_back(JobAnswer{ticket, std::move(run)});
}

void Jobs::start(Ticket ticket, JobRequest request, Now now, Actions& out) {
    const std::string key = request.idempotency_key;
    if (request.start_within_ms && (*request.start_within_ms < 1 || *request.start_within_ms > kMostStartWithinMs)) {
        return answer(ticket, key, Error{Errc::bad_value, "/start_within_ms", "is 1 to 86400000"}, out);
    }
    if (request.repeat < 1 || request.repeat > kMostRepeats) {
        return answer(ticket, key, Error{Errc::bad_value, "/repeat", "is 1 to 1000"}, out);
    }
    auto lines = state_.fleet.choose(request.selector);
    if (!lines) return answer(ticket, key, lines.error(), out);
    const std::size_t wanted = lines.value().size() * request.repeat;
    if (wanted > kMostTasks) {
        return answer(ticket, key, Error{Errc::bad_value, "/selector", "makes more than 100000 tasks; add limit:N"},
                      out);
    }
    const std::size_t open = state_.fleet.open_tasks() + tasks_under_way_;
    if (open + wanted > state_.options.open_tasks) {
        return answer(ticket, key,
                      Error{Errc::too_large,
                            {},
                            std::to_string(open) + " tasks are open and this makes " + std::to_string(wanted) +
                                "; [broker] open_tasks is " + std::to_string(state_.options.open_tasks) +
                                ": try again when some have ended"},
                      out);
    }
    tasks_under_way_ += wanted;
    LoadedRun made = make(request, lines.value(), now);
    Batch batch;
    batch.emplace_back(AddRun{made.job, made.run, made.tasks});
    if (!key.empty()) batch.push_back(AddKey{KeyRecord{key, request.fingerprint, made.run.row, now.wall}});
    Json params = encode_spec(request.spec);
    // In memory only when it is in the store: a refused write leaves nothing behind.
    state_.journal.ask(
        out, std::move(batch),
        [this, ticket, key, wanted, made = std::move(made), params = std::move(params)](Now at, Actions& after) {
            tasks_under_way_ -= wanted;
            const RunPtr run = state_.runs.add(made, params, state_.fleet, at, ActiveRuns::Origin::request);
            answer(ticket, key, ActiveRuns::view(*run), after);
            dispatch_.begin(run, at, after);
        },
        [this, ticket, key, wanted](const Error& error, Now, Actions& after) {
            tasks_under_way_ -= wanted;
            answer(ticket, key, error, after);
        });
}

LoadedRun Jobs::make(const JobRequest& request, const std::vector<Chosen>& lines, Now now) {
    LoadedRun made;
    made.job = JobRecord{.row = take_key(state_.next.next_job),
                         .id = state_.make_id<JobId>(now),
                         .service = service_of(request.spec),
                         .params = dump_json(encode_spec(request.spec)),
                         .target = target_of(request.spec),
                         .selector = request.selector,
                         .labels = request.labels,
                         .created_at = now.wall};
    made.run.row = take_key(state_.next.next_run);
    made.run.id = state_.make_id<RunId>(now);
    made.run.job = made.job.row;
    made.run.created_at = now.wall;
    made.run.start_within_ms = request.start_within_ms.value_or(state_.options.start_within_ms);
    made.run.run_within_ms = static_cast<std::uint32_t>(longest_run_ms(request.spec) + kRunMarginMs);
    made.run.total = static_cast<std::uint32_t>(lines.size() * request.repeat);
    made.tasks.reserve(made.run.total);
    for (std::uint32_t round = 0; round < request.repeat; ++round) {
        for (const auto& chosen : lines) {
            made.tasks.push_back(TaskRecord{.row = take_key(state_.next.next_task),
                                            .id = state_.make_id<TaskId>(now),
                                            .run = made.run.row,
                                            .node = chosen.node->record.row,
                                            .line = chosen.line});
        }
    }
    return made;
}

}  // namespace edge::broker
