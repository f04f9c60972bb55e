// The half of Plans that changes what there is.
#include <algorithm>
#include <utility>

#include "broker/domain/choice.hpp"
#include "broker/domain/plans.hpp"
#include "protocol/json/described.hpp"

namespace edge::broker {
namespace {

Error not_there() {
    return Error{Errc::not_found, {}, "no such recurring job, or it was deleted"};
}

Error is_being_changed() {
    return Error{Errc::unavailable, {}, "somebody else's change of this job is being stored; try again"};
}

}  // namespace

void Plans::change(Ticket ticket, JobId id, JobChange change, Now now, Actions& out) {
    const RevisionPtr revision = state_.planned.find(id);
    if (!revision) return answer({ticket}, not_there(), out);
    if (revision->is_changing) return answer({ticket}, is_being_changed(), out);
    const bool is_paused = revision->record.state == JobState::paused;
    const bool shall_pause = change.is_paused.value_or(is_paused);
    JobRecord record = revision->record;
    if (change.params) {
        auto spec = decode_spec(record.service, *change.params);
        if (!spec) return answer({ticket}, spec.error(), out);
        record.params = dump_json(encode_spec(spec.value()));
        record.target = target_of(spec.value());
    }
    if (change.selector) record.selector = *change.selector;
    if (change.schedule) record.schedule = *change.schedule;
    const JobRecord& had = revision->record;
    const bool asks_the_same =
        record.params == had.params && record.selector == had.selector && record.schedule == had.schedule;
    if (asks_the_same && shall_pause == is_paused) return answer({ticket}, id, out);
    if (asks_the_same && shall_pause) return pause(revision, ticket, now, out);
    // One that goes on is a revision as well: what was due meanwhile is of neither.
    auto spec = decode_spec(record.service, parse_json(record.params).value());
    if (!spec) return answer({ticket}, spec.error(), out);
    const auto choice = choose_lines(state_.fleet, record.selector, spec.value(), record.terms.require_level);
    if (!choice) return answer({ticket}, choice.error(), out);
    record.state = shall_pause ? JobState::paused : JobState::active;
    replace(revision, std::move(record), ticket, now, out);
}

Journal::Otherwise Plans::refused(const RevisionPtr& revision, Ticket ticket) {
    return [this, revision, ticket](const Error& error, Now, Actions& after) {
        revision->is_changing = false;
        answer({ticket}, error, after);
    };
}

void Plans::pause(const RevisionPtr& revision, Ticket ticket, Now now, Actions& out) {
    JobRecord record = revision->record;
    record.state = JobState::paused;
    record.ended_at = now.wall;
    revision->is_changing = true;
    state_.journal.ask(
        out, Batch{PutJob{record}},
        [this, revision, ticket, at_us = now.wall](Now at, Actions& after) {
            revision->is_changing = false;
            revision->record.state = JobState::paused;
            revision->record.ended_at = at_us;
            runs_.stop(*revision);
            targets_.withdraw(*revision, at, after);
            answer({ticket}, revision->record.id, after);
        },
        refused(revision, ticket));
}

void Plans::replace(const RevisionPtr& before, JobRecord record, Ticket ticket, Now now, Actions& out) {
    JobRecord over = before->record;
    over.state = JobState::replaced;
    if (over.ended_at == 0) over.ended_at = now.wall;
    record.row = take_key(state_.next.next_job);
    // A restored store does not know which numbers were given after the backup, and the names of runs are made of them.
    record.revision = std::max(over.revision, state_.generation.restored_at.value_or(0) / 1'000) + 1;
    record.revised_at = now.wall;
    record.ended_at = record.state == JobState::paused ? now.wall : 0;
    record.made_until = std::max(now.wall, before->looked_until);
    auto next = revision_of(std::move(record));
    if (!next) return answer({ticket}, next.error(), out);
    before->is_changing = true;
    state_.journal.ask(
        out, Batch{PutJob{over}, PutJob{next.value()->record}},
        [this, before, ticket, ended_at = over.ended_at, made = next.value()](Now at, Actions& after) {
            before->record.state = JobState::replaced;
            before->record.ended_at = ended_at;
            runs_.stop(*before);
            state_.planned.ended.emplace(before->record.id, before);
            forget_ended(at);
            if (made->is_active()) {
                in_force(made, at, after);  // a node that is asked no more is told so
                for (const auto& [row, lines] : before->lines) {
                    if (!made->lines.contains(row)) targets_.withdraw_from(*before, row, at, after);
                }
            } else {
                state_.planned.current[made->record.id] = made;
                targets_.withdraw(*before, at, after);
            }
            answer({ticket}, made->record.id, after);
        },
        refused(before, ticket));
}

void Plans::remove(Ticket ticket, JobId id, Now now, Actions& out) {
    const RevisionPtr revision = state_.planned.find(id);
    if (!revision) return answer({ticket}, not_there(), out);
    if (revision->is_changing) return answer({ticket}, is_being_changed(), out);
    JobRecord record = revision->record;
    record.state = JobState::deleted;
    record.ended_at = now.wall;
    revision->is_changing = true;
    state_.journal.ask(
        out, Batch{PutJob{record}},
        [this, revision, ticket, ended_at = now.wall](Now at, Actions& after) {
            revision->record.state = JobState::deleted;
            revision->record.ended_at = ended_at;
            runs_.stop(*revision);
            targets_.withdraw(*revision, at, after);
            forget_ended(at);
            state_.planned.current.erase(revision->record.id);
            state_.planned.ended.emplace(revision->record.id, revision);
            answer({ticket}, revision->record.id, after);
        },
        refused(revision, ticket));
}

}  // namespace edge::broker
