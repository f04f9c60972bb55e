// All of the domain's memory in one place; the parts (Sessions, Dispatch, Intake, Jobs, Enrolment) each decide about
// some of it.
#pragma once
#include <memory>
#include <string>
#include <unordered_map>
#include <unordered_set>

#include "broker/domain/active_runs.hpp"
#include "broker/domain/endpoints.hpp"
#include "broker/domain/fleet.hpp"
#include "broker/domain/journal.hpp"
#include "broker/domain/make_domain.hpp"
#include "broker/domain/planned_jobs.hpp"
#include "broker/domain/timers.hpp"

namespace edge::broker {

struct Counters {
    std::uint64_t results = 0;            // stored
    std::uint64_t superseded = 0;         // of them: of attempts that lost
    std::uint64_t duplicates = 0;         // dropped: had been received before
    std::uint64_t early = 0;              // stored before their turn
    std::uint64_t not_yours = 0;          // refused: no such task of this node and line
    std::uint64_t reused_rids = 0;        // refused: another result of the spool has this rid
    std::uint64_t unknown_envelopes = 0;  // ignored: types a newer agent may have
    std::uint64_t protocol_errors = 0;    // sessions closed for
    std::uint64_t locked = 0;             // nodes locked for two holders of one key
    std::uint64_t store_behind = 0;       // joins refused: the node is ahead of the store
    std::uint64_t recovered = 0;          // tasks made of results, after a restore
    std::uint64_t credit_waits = 0;       // of nodes that send more results than they may
    std::uint64_t gaps = 0;               // results that nodes did not keep for us, by number
};

struct DomainState {
    DomainState(DomainOptions domain_options, Entropy& entropy_source)
        : options(std::move(domain_options)), entropy(entropy_source) {}

    DomainOptions options;
    Entropy& entropy;
    Journal journal;
    Timers timers;
    Fleet fleet;
    ActiveRuns runs;
    PlannedJobs planned;
    Endpoints endpoints;
    std::unordered_map<SessionId, std::unique_ptr<Session>> sessions;
    GenerationRecord generation;
    Loaded next;  // only its next_… keys
    Counters counters;
    std::unordered_set<const Node*> ahead;  // nodes that were refused because the store is behind them
    bool is_followed = false;               // somebody wants what is Told

    /// The node as it is, for who follows; a Journal::Then, since it is told after its commit.
    auto tells(const Node& node) {
        return [this, &node](Now, Actions& out) { tell(node, out); };
    }
    void tell(const Node& node, Actions& out) const {
        if (is_followed) out.effects.push_back(Told{std::make_shared<const NodeView>(Fleet::view(node))});
    }
    void tell(const Run& run, Actions& out) const {
        if (is_followed) out.effects.push_back(Told{std::make_shared<const RunView>(ActiveRuns::view(run))});
    }

    Session* session(SessionId id) const {
        const auto at = sessions.find(id);
        return at == sessions.end() ? nullptr : at->second.get();
    }
    template <class IdType>
    IdType make_id(Now now) {
        std::array<std::uint8_t, 10> random{};
        entropy.fill(random);
        return IdType{make_uuid7(now.wall / 1'000, random)};
    }
};

/// The key, and the range moves on.
template <class Row>
Row take_key(Row& next) {
    const Row key = next;
    next = Row{static_cast<std::int64_t>(next) + 1};
    return key;
}

}  // namespace edge::broker
