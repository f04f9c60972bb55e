// The broker on the simulated clock: its real core and sessions, a store in memory that outlives it, and what its
// threads do in between as events.
#pragma once
#include <chrono>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "broker/domain/domain_fsm.hpp"
#include "broker/gateway/outbox.hpp"
#include "broker/gateway/session_fsm.hpp"
#include "tests/contract/store/memory_store.hpp"
#include "tests/sim/ledger.hpp"
#include "tests/sim/lying_store.hpp"
#include "tests/sim/wire.hpp"
#include "tests/unit/broker/domain/seeded_entropy.hpp"

namespace edge::sim {

class Broker {
  public:
    Broker(Timeline& timeline, Chance& chance, Ledger& ledger, Break broken);
    ~Broker();

    void start();
    /// At once: what is not in the store is gone, and so are all connections. False, as of stop(): it was down.
    bool kill();
    /// As SIGTERM does: sessions are sent away, what is under way is written.
    bool stop();
    bool is_up() const { return static_cast<bool>(fsm_); }
    /// For sessions from now on. Seldom where much time passes: it is most of what happens.
    void set_heartbeat(std::chrono::milliseconds every) {
        limits_.heartbeat_ms = static_cast<std::uint32_t>(every.count());
    }
    void set_space(bool there) { store_.set_space(there); }
    /// As `edge-broker backup` makes one; a few are kept.
    void back_up();
    /// Killed, and an older store put in its place; start() comes next. False: there is no backup.
    bool restore_some();

    NodeId enroll(const std::string& name, const PublicKey& key);
    void accept(const std::shared_ptr<Wire>& wire);
    void ask(const std::string& selector);
    /// One of the runs that go on.
    void cancel_one();
    /// A new key is asked of a node. Its agent keeps the one before, for a broker that comes back from a backup.
    void rotate_key(const std::string& node);
    /// Recurring: pings, so many each time, every so often.
    void plan(std::uint64_t every_ms, const std::string& selector = "all", std::uint32_t repeat = 1);
    /// Results that it stored before their turn, in all its lives.
    std::uint64_t early() const { return early_ + (fsm_ ? fsm_->counters().early : 0); }
    /// That nodes said they had given up, since its start.
    std::uint64_t results_in_gaps() const { return fsm_ ? fsm_->counters().gaps : 0; }
    /// One of these is paused, goes on, is deleted or asks something else.
    void change_a_plan();
    std::size_t plans() const { return plans_.size(); }
    /// One of those that are left.
    void delete_a_plan();

  private:
    class Session;
    broker::Now now() const { return {timeline_.wall(), timeline_.mono()}; }
    template <class Call>
    void act(Call call) {
        broker::Actions out;
        call(*fsm_, now(), out);
        carry_out(out);
    }
    /// In this life of the broker only.
    void later(Us delay, std::function<void()> what);
    void carry_out(broker::Actions& actions);
    void carry_out(broker::SendTo& effect);
    void carry_out(broker::CloseSession& effect);
    void carry_out(broker::JoinAnswer& effect);
    void carry_out(broker::EnrollAnswer& effect) { enrolled_ = std::move(effect.reply.value()); }
    void carry_out(broker::JoinTokensAnswer& effect) { token_ = effect.tokens.value().at(0).text; }
    void carry_out(broker::JobAnswer& effect);
    void carry_out(broker::PlanAnswer& effect);
    void carry_out(broker::Noted& effect);
    template <class Other>
    void carry_out(Other&) {}
    void write();
    void write_later(Us delay);
    void tell_committed(std::vector<broker::WriteId> writes, Us delay);
    void look_up(broker::LookUp asked);
    void arm();
    broker::Ticket ticket() { return broker::Ticket{++tickets_}; }

    Timeline& timeline_;
    Chance& chance_;
    Ledger& ledger_;
    Break broken_;
    LyingStore lies_;
    link::Limits limits_;
    broker::MemoryStore store_;
    broker::SeededEntropy entropy_;
    std::uint64_t life_ = 0;
    std::uint64_t early_ = 0;
    std::unique_ptr<broker::DomainFsm> fsm_;
    std::deque<broker::Write> writes_;
    bool writing_ = false;
    std::optional<Us> armed_;
    std::uint64_t tickets_ = 0;
    std::map<std::uint64_t, std::shared_ptr<Session>> joining_;
    std::map<SessionId, std::shared_ptr<Session>> sinks_;
    std::vector<std::weak_ptr<Wire>> wires_;
    std::deque<RunId> recent_;
    std::set<JobId> plans_;                     // recurring jobs that it has, and some that are over
    std::map<std::uint64_t, JobId> deletions_;  // by ticket
    struct Backup {
        std::shared_ptr<const void> store;
        std::shared_ptr<const Ledger::Backup> ledger;
    };
    std::deque<Backup> backups_;
    std::optional<link::EnrollReply> enrolled_;
    std::string token_;
};

}  // namespace edge::sim
