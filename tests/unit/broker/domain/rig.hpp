// The core on a store in memory, with a clock and random bytes of the test's own. Every call is carried out at once;
// `hold_writes` keeps transactions back until commit() or refuse().
#pragma once
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "broker/domain/domain_fsm.hpp"
#include "tests/contract/store/memory_store.hpp"
#include "tests/unit/broker/domain/seeded_entropy.hpp"

namespace edge::broker {

inline constexpr std::uint64_t kSecond = 1'000'000;

class Rig {
  public:
    explicit Rig(DomainOptions options = {}, std::uint64_t seed = 1);

    /// A broker that was killed and started: only the store is left.
    void restart();

    template <class Call>
    void act(Call call) {
        Actions out;
        call(*fsm_, now_, out);
        carry_out(std::move(out));
    }
    void pass(std::uint64_t milliseconds);
    void set_wall(WallTime wall) { now_.wall = wall; }
    void commit();
    void commit_one();
    void refuse();
    bool hold_writes = false;
    bool reads_at_once = false;  // look-ups read when they are asked, not when they are answered

    // Everything that came out since the last take.
    std::vector<Effect> effects;
    template <class T>
    std::vector<T> take() {
        std::vector<T> taken;
        std::vector<Effect> rest;
        for (auto& effect : effects) {
            if (auto* one = std::get_if<T>(&effect))
                taken.push_back(std::move(*one));
            else
                rest.push_back(std::move(effect));
        }
        effects = std::move(rest);
        return taken;
    }
    /// Envelopes of one type sent to a session; others stay.
    template <class T>
    std::vector<T> sent(SessionId session) {
        std::vector<T> found;
        for (auto& effect : effects) {
            auto* send = std::get_if<SendTo>(&effect);
            if (!send || send->session != session) continue;
            std::vector<link::Envelope> rest;
            for (auto& envelope : send->envelopes) {
                if (auto* one = std::get_if<T>(&envelope))
                    found.push_back(std::move(*one));
                else
                    rest.push_back(std::move(envelope));
            }
            send->envelopes = std::move(rest);
        }
        return found;
    }

    // What tests say often.
    NodeId enroll(const std::string& name, std::uint8_t key = 0);
    link::EnrollRequest enroll_request(const std::string& token, const std::string& name, std::uint8_t key);
    std::string join_token(std::optional<std::string> name = {}, std::uint64_t ttl_ms = 0);
    Result<std::string> make_token(JoinTokenTerms terms, std::uint64_t ttl_ms = 0);
    Result<link::EnrollReply> enroll_with(link::EnrollRequest request, const std::string& peer = "192.0.2.1");
    Result<NodeView> order(const std::string& node, NodeOrder order, const std::string& reason = {});
    PublicKey key_of(NodeId node);
    /// With the node's key, or another.
    std::variant<link::Welcome, link::Reject> join(link::Hello hello, std::optional<PublicKey> key = {});
    Result<RunView> create(JobRequest request);
    Result<RunView> ping(const std::string& selector);
    Result<JobId> plan(JobRequest request);
    Result<JobId> change(JobId id, JobChange change);
    Result<JobId> remove(JobId id);
    /// As the API has it.
    JobView job(JobId id);
    RunView run(RunId id);

    DomainFsm& fsm() { return *fsm_; }
    MemoryStore& store() { return store_; }
    Now now() const { return now_; }
    Ticket ticket() { return Ticket{++tickets_}; }

  private:
    void carry_out(Actions actions);
    void settle();
    void finish(const Write& write, bool refused);

    DomainOptions options_;
    SeededEntropy entropy_;
    MemoryStore store_;
    Now now_{1'700'000'000'000'000, 50'000'000};
    std::unique_ptr<DomainFsm> fsm_;
    std::deque<Write> writes_;
    std::deque<std::pair<LookUp, std::optional<LookedUp>>> look_ups_;
    void ask(LookUp asked);
    LookedUp read(const LookUp& asked);
    std::deque<FindKey> find_keys_;
    std::uint64_t tickets_ = 0;
};

/// An agent as the core sees it: it keeps what an agent keeps, and sends what it is told to.
class TestAgent {
  public:
    TestAgent(Rig& rig, NodeId node, std::uint64_t spool = 1);

    /// Joins and confirms; the session lives until another joins or leave().
    void connect(link::Credit credit = {1'000'000, 1 << 20});
    void confirm(link::Credit credit = {1'000'000, 1 << 20});
    void leave();
    void send(std::vector<link::Received> message);
    std::vector<link::Task> tasks() { return rig_.sent<link::Task>(session); }
    /// Takes what it was told of its plan, as an agent that keeps plans does.
    void take_plans();
    std::map<JobId, link::PlanSet> plans;
    /// What its plan makes at a tick, of one line; not sent.
    link::Received planned_result(const link::PlanSet& plan, std::uint64_t tick, const std::string& line);

    link::Received result_of(const link::Task& task, Status status = Status::ok, const std::string& code = {});
    void accept(std::uint64_t n) { send({{link::WorkAck{n}, {}}}); }
    void started(const link::Task& task) {
        send({{link::Progress{task.task_id, task.attempt, link::ProgressKind::started, {}}, {}}});
    }
    void answer(const link::Task& task, Status status = Status::ok) { send({result_of(task, status)}); }
    /// The highest result number acknowledged since the last call.
    std::uint64_t acked();

    link::Hello hello;  // what it says next time
    SessionId session;
    link::Welcome welcome;
    std::uint64_t last_n = 0;  // of results

  private:
    Rig& rig_;
};

/// What a join was refused with.
link::Reject rejected(const std::variant<link::Welcome, link::Reject>& answer);
link::LineReport line(const std::string& name, const std::string& carrier);
JobRequest ping_job(const std::string& selector);

}  // namespace edge::broker
