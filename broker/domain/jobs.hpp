// What users ask for: a job becomes one run with one task for each chosen line, in one transaction.
#pragma once
#include <string>
#include <unordered_map>
#include <vector>

#include "broker/domain/choice.hpp"
#include "broker/domain/dispatch.hpp"
#include "broker/domain/domain_state.hpp"
#include "protocol/targets/target_buckets.hpp"

namespace edge::broker {

/// An idempotency key that came with something else before.
Error reused_key();

class Jobs {
  public:
    Jobs(DomainState& state, Dispatch& dispatch);

    void create(Ticket ticket, JobRequest request, Now now, Actions& out);
    /// Answers FindKey.
    void key_found(Ticket ticket, Result<std::optional<FoundKey>> found, Now now, Actions& out);

  private:
    /// Requests with one idempotency key: the first is carried out, the others get its answer.
    struct Waiting {
        Digest fingerprint{};
        JobRequest request;  // of the first, until its key was looked for
        std::vector<Ticket> tickets;
    };
    void start(Ticket ticket, JobRequest request, Now now, Actions& out);
    /// The lines of the selector that may be asked for this. Errors: as create_job says.
    Result<Choice> choose(const JobRequest& request) const;
    Result<> check_room(const JobRequest& request, std::size_t wanted, Now now);
    void answer(Ticket ticket, const std::string& key, Result<RunView> run, Actions& out);
    LoadedRun make(const JobRequest& request, const std::vector<Chosen>& lines, Now now);

    DomainState& state_;
    Dispatch& dispatch_;
    TargetBuckets targets_;
    std::size_t tasks_under_way_ = 0;                           // of runs that are being written
    std::unordered_map<std::string, Waiting> waiting_;          // by key
    std::unordered_map<std::uint64_t, std::string> searching_;  // ticket of a FindKey → key
};

}  // namespace edge::broker
