#include "broker/domain/jobs.hpp"

#include <algorithm>
#include <utility>

#include "broker/domain/choice.hpp"
#include "protocol/json/described.hpp"
#include "protocol/probes/destination.hpp"

namespace edge::broker {
namespace {

constexpr std::size_t kMostTasks = 100'000;
constexpr std::uint32_t kTargetBurstS = 10;   // of [api] target_probes_per_s may come at once
constexpr std::size_t kMostTargets = 65'536;  // that are remembered
constexpr WallTime kKeyLifetime = 86'400'000'000;

}  // namespace

Error reused_key() {
    return Error{Errc::conflict, "/idempotency_key",
                 "this Idempotency-Key was used with another request; take a new one"};
}

Jobs::Jobs(DomainState& state, Dispatch& dispatch)
    : state_(state),
      dispatch_(dispatch),
      targets_(state.options.target_probes_per_s, state.options.target_probes_per_s * kTargetBurstS, kMostTargets) {}

Result<Choice> Jobs::choose(const JobRequest& request) const {
    return choose_lines(state_.fleet, request.selector, request.spec, request.terms.require_level);
}

Result<> Jobs::check_room(const JobRequest& request, std::size_t wanted, Now now) {
    if (wanted > kMostTasks)
        return Error{Errc::bad_value, "/selector", "makes more than 100000 tasks; repeat less, or add limit:N"};
    const std::size_t open = state_.fleet.open_tasks() + tasks_under_way_;
    if (open + wanted > state_.options.open_tasks) {
        return Error{Errc::too_large,
                     {},
                     std::to_string(open) + " tasks are open and this makes " + std::to_string(wanted) +
                         "; [broker] open_tasks is " + std::to_string(state_.options.open_tasks) +
                         ": try again when some have ended"};
    }
    const auto destination = destination_of(request.spec);
    const std::uint32_t per_s = state_.options.target_probes_per_s;
    if (!destination || per_s == 0) return ok();
    const std::string limit = "[api] target_probes_per_s is " + std::to_string(per_s);
    if (wanted > std::size_t{per_s} * kTargetBurstS) {
        return Error{Errc::bad_value, "/selector",
                     "makes " + std::to_string(wanted) + " probes of one target at once, and " + limit +
                         "; at most ten seconds' worth go at once: repeat less, or add limit:N"};
    }
    if (!targets_.take(destination->host, static_cast<std::uint32_t>(wanted), now.mono)) {
        return Error{Errc::too_large, "/params/target",
                     destination->host + " was probed enough for now; " + limit + " over all nodes"};
    }
    return ok();
}

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
    if (known->job || known->fingerprint != request.fingerprint) return answer(ticket, key, reused_key(), out);
    const RunPtr run = state_.runs.find(known->run.id);
    if (!run) return answer(ticket, key, known->run, out);
    RunView view = ActiveRuns::view(*run);
    if (auto again = choose(request)) view.notes = std::move(again.value().notes);  // who is away now
    answer(ticket, key, std::move(view), out);
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
    if (const auto fit = check_terms(request.terms); !fit) return answer(ticket, key, fit.error(), out);
    auto chosen = choose(request);
    if (!chosen) return answer(ticket, key, chosen.error(), out);
    Choice& choice = chosen.value();
    const std::size_t wanted = choice.lines.size() * request.terms.repeat;
    if (const auto room = check_room(request, wanted, now); !room) return answer(ticket, key, room.error(), out);
    tasks_under_way_ += wanted;
    LoadedRun made = make(request, choice.lines, now);
    Batch batch;
    batch.emplace_back(AddRun{made.job, made.run, made.tasks});
    if (!key.empty()) batch.push_back(AddKey{KeyRecord{key, request.fingerprint, made.run.row, now.wall}});
    Json params = encode_spec(request.spec);
    // In memory only when it is in the store: a refused write leaves nothing behind.
    state_.journal.ask(
        out, std::move(batch),
        [this, ticket, key, wanted, made = std::move(made), params = std::move(params),
         notes = std::move(choice.notes)](Now at, Actions& after) {
            tasks_under_way_ -= wanted;
            const RunPtr run = state_.runs.add(made, params, state_.fleet, at, ActiveRuns::Origin::request);
            RunView view = ActiveRuns::view(*run);
            view.notes = notes;
            answer(ticket, key, std::move(view), after);
            dispatch_.begin(run, at, after);
            state_.tell(*run, after);
        },
        [this, ticket, key, wanted, destination = destination_of(request.spec)](const Error& error, Now,
                                                                                Actions& after) {
            tasks_under_way_ -= wanted;
            if (destination) targets_.give_back(destination->host, static_cast<std::uint32_t>(wanted));
            answer(ticket, key, error, after);
        });
}

LoadedRun Jobs::make(const JobRequest& request, const std::vector<Chosen>& lines, Now now) {
    LoadedRun made;
    made.job = JobRecord{.row = take_key(state_.next.next_job),
                         .id = state_.make_id<JobId>(now),
                         .origin = request.origin,
                         .service = service_of(request.spec),
                         .params = dump_json(encode_spec(request.spec)),
                         .target = target_of(request.spec),
                         .selector = request.selector,
                         .terms = request.terms,
                         .labels = request.labels,
                         .created_at = now.wall};
    made.run.row = take_key(state_.next.next_run);
    made.run.id = state_.make_id<RunId>(now);
    made.run.job = made.job.row;
    made.run.created_at = now.wall;
    made.run.start_within_ms = request.terms.start_within_ms;
    made.run.run_within_ms = run_within_ms(request.spec, request.terms);
    made.run.total = static_cast<std::uint32_t>(lines.size() * request.terms.repeat);
    made.tasks.reserve(made.run.total);
    for (std::uint32_t round = 0; round < request.terms.repeat; ++round) {
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
