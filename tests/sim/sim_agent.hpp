// An agent on the simulated clock: its real link, spool and rules of acceptance, two disks that forget what was not
// synced, and workers that only take their time.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <tuple>

#include "agent/accepted_work.hpp"
#include "agent/link/link_fsm.hpp"
#include "agent/link/node_keys.hpp"
#include "agent/link/outgoing.hpp"
#include "agent/plan/plans.hpp"
#include "agent/spool/spool.hpp"
#include "agent/spool_limit.hpp"
#include "agent/workers/verdict.hpp"
#include "tests/sim/breaks.hpp"
#include "tests/sim/ledger.hpp"
#include "tests/sim/lying_disk.hpp"
#include "tests/sim/wire.hpp"
#include "tests/unit/agent/forgetful_disk.hpp"

namespace edge::sim {

class Node {
  public:
    /// Connects a wire's agent's end, or answers that it cannot be.
    using Dial = std::function<std::shared_ptr<Wire>(const std::shared_ptr<WireEnd>&)>;

    Node(Timeline& timeline, Chance& chance, Ledger& ledger, std::size_t number, Dial dial, Break broken,
         std::uint64_t spool_limit);
    ~Node();

    const PublicKey& public_key() const { return key_.public_key(); }
    void enrolled(NodeId id);

    void start();
    /// kill -9: what was written is there.
    void kill();
    /// What was written and not synced may be gone.
    void cut_power();
    /// The power goes in the middle of what it writes next. False: it is down.
    bool cut_power_while_writing();
    /// Its spool's disk is replaced by an empty one.
    void lose_disk();
    void fail_write(int os_errno) { spool_disk_.fail_append(os_errno); }
    void fail_sync(int os_errno) { spool_disk_.fail_sync(os_errno); }
    /// From now on it is so far ahead.
    void set_clock(std::int64_t ahead_us);
    /// False: it has no connection.
    bool cut();
    bool go_silent(Wire::Side side);

    bool is_up() const { return static_cast<bool>(spool_); }
    /// Nothing is under way, and the broker, with which it has a session, has acknowledged everything.
    bool is_quiet() const {
        return is_up() && fsm_ && fsm_->live() && tasks_.empty() && !spool_->dirty() && spool_->first() == 0;
    }
    std::string standing() const;
    /// Sessions that it ended because the broker took too little in them.
    std::uint64_t ended_for_room() const { return ended_for_room_; }

  private:
    class End;
    using Due = std::tuple<JobId, std::uint64_t, LineName>;  // with its tick
    struct Running {
        link::Task task;
        agent::Moment started;
        bool canceled = false;
    };

    static constexpr std::uint32_t kWorkSlots = 768;
    agent::Spool::Terms terms() const;
    agent::Moment now() const {
        return {timeline_.steady(), timeline_.wall() + static_cast<std::uint64_t>(clock_step_)};
    }
    void later(Us delay, std::function<void()> what);
    void end_process();
    void restart_soon();

    void carry_out(agent::LinkActions actions);
    void act(agent::Dial&& action);
    void act(agent::SayHello&& action);
    void act(agent::StoreCounter&& action);
    void act(agent::PreferBroker&&) {}  // there is one
    void act(agent::SendLine&& action) { outgoing_.say(std::move(action.line)); }
    void act(agent::StartWork&& action);
    void act(agent::StopWork&& action);
    void act(agent::ChangePlan&& action);
    void act(agent::ForgetResults&& action);
    void act(agent::RewindResults&& action);
    void tell_kept();
    void act(agent::RenewSpool&& action);
    void act(agent::Hangup&& action);
    void act(agent::Cut&& action);
    void act(agent::TryOtherKey&& action);
    void act(agent::MakeKey&& action);
    void act(agent::TakeKey&& action);
    void act(agent::StorePins&&) {}
    void offer_key();
    void act(agent::Say&&) {}
    void heard(std::string text);
    void wire_closed();
    void pump();
    void arm();
    agent::SpoolNumbers numbers() const { return {first_to_send(), spool_->last(), spool_->acked()}; }

    /// The break `forget_when_sent` does not know what is kept.
    std::uint64_t first_to_send() const {
        return broken_ == Break::forget_when_sent ? spool_->first() : spool_->first_kept();
    }

    void take_due();
    void make_room();
    void arm_due();
    void disturbed() { calm_since_ = timeline_.now(); }
    void audit_soon();
    void audit();
    bool has_done(const link::PlanSet& plan, std::uint64_t tick, const LineName& line) const;

    void settle_soon();
    void settle();
    bool commit();
    void start_task(agent::Accepted work);
    void finish(const link::AttemptRef& attempt);

    Timeline& timeline_;
    Chance& chance_;
    Ledger& ledger_;
    std::size_t number_;
    Dial dial_;
    SigningKey key_;  // at first; then what is on the disk
    NodeId id_;
    Break broken_;
    std::uint64_t spool_limit_;  // bytes
    agent::ForgetfulDisk state_disk_, spool_disk_;
    LyingDisk lying_disk_;
    std::mt19937 leavings_;
    std::int64_t clock_step_ = 0;
    std::multimap<Due, TaskId> told_due_;    // by the planner, in whatever process
    std::map<JobId, std::uint64_t> passed_;  // of those it was ever given: how far its clock had come before it was set

    std::uint64_t ended_for_room_ = 0;

    // Of this process.
    std::uint64_t life_ = 0;
    std::optional<agent::Spool> spool_;
    std::optional<agent::SpoolLimit> limit_;
    bool wants_room_ = false;
    std::optional<agent::AcceptedWork> accepted_;
    std::optional<agent::Plans> plans_;
    std::uint64_t due_no_ = 0;  // of the timer that counts
    Us calm_since_ = 0;         // nothing kept it from what is due
    std::optional<agent::NodeKeys> keys_;
    std::optional<agent::LinkFsm> fsm_;
    agent::Outgoing outgoing_;
    std::uint64_t join_counter_ = 0;
    std::shared_ptr<Wire> wire_;
    std::map<link::AttemptRef, Running> tasks_;
    std::vector<Attempt> promised_;   // results that the next commit makes durable
    std::vector<Attempt> accepting_;  // accepts, likewise
    bool settling_ = false;
    bool no_space_ = false;
    std::optional<Us> armed_;
};

}  // namespace edge::sim
