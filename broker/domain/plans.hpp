// Recurring jobs: made, changed, paused and deleted by their owners. Each change of what is asked is a new revision.
#pragma once
#include <string>
#include <unordered_map>
#include <vector>

#include "broker/domain/plan_runs.hpp"
#include "broker/domain/plan_targets.hpp"

namespace edge::broker {

class Plans {
  public:
    Plans(DomainState& state, PlanTargets& targets, PlanRuns& runs) : state_(state), targets_(targets), runs_(runs) {}

    /// When all nodes are known.
    void load(std::vector<JobRecord> records, const std::map<JobRow, std::vector<WallTime>>& early, Now now,
              Actions& out);

    void create(Ticket ticket, JobRequest request, Now now, Actions& out);
    /// Answers FindKey. False: it is none of these.
    bool key_found(Ticket ticket, const Result<std::optional<FoundKey>>& found, Now now, Actions& out);
    void change(Ticket ticket, JobId id, JobChange change, Now now, Actions& out);
    void remove(Ticket ticket, JobId id, Now now, Actions& out);
    /// What memory knows better than the store.
    void complete(JobView& view, Now now) const;

  private:
    struct Waiting {
        JobRequest request;
        std::vector<Ticket> tickets;
    };
    Result<RevisionPtr> revision_of(JobRecord record) const;
    Result<JobRecord> record_of(const JobRequest& request, Now now);
    void start(const std::string& key, Waiting waiting, Now now, Actions& out);
    void answer(const std::vector<Ticket>& tickets, const Result<JobId>& job, Actions& out);
    Journal::Otherwise refused(const RevisionPtr& revision, Ticket ticket);
    void pause(const RevisionPtr& revision, Ticket ticket, Now now, Actions& out);
    void replace(const RevisionPtr& before, JobRecord record, Ticket ticket, Now now, Actions& out);
    void in_force(const RevisionPtr& revision, Now now, Actions& out);
    void forget_ended(Now now);

    DomainState& state_;
    PlanTargets& targets_;
    PlanRuns& runs_;
    std::unordered_map<std::string, Waiting> waiting_;          // by idempotency key
    std::unordered_map<std::uint64_t, std::string> searching_;  // ticket of a FindKey → key
};

}  // namespace edge::broker
