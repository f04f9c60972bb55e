#include "broker/domain/local_domain.hpp"

#include <pthread.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "protocol/crypto/keys.hpp"

namespace edge::broker {
namespace {

using std::chrono::steady_clock;

constexpr auto kStopWithin = std::chrono::seconds(5);
// sysexits(3), docs/exit-codes.md
constexpr int kExitSoftware = 70;
constexpr int kExitIo = 74;

template <class Clock>
std::uint64_t microseconds() {
    return static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::microseconds>(Clock::now().time_since_epoch()).count());
}

Now now() {
    return Now{microseconds<std::chrono::system_clock>(), microseconds<steady_clock>()};
}

/// Takes the reply out of the table; an empty one when it is not there.
template <class Table>
auto take(Table& table, Ticket ticket) {
    auto node = table.extract(static_cast<std::uint64_t>(ticket));
    return node ? std::move(node.mapped()) : typename Table::mapped_type{};
}

}  // namespace

void SystemEntropy::fill(std::span<std::uint8_t> out) {
    if (used_ + out.size() > pool_.size()) {
        fill_random(pool_);
        used_ = 0;
    }
    std::memcpy(out.data(), pool_.data() + used_, out.size());
    std::memset(pool_.data() + used_, 0, out.size());
    used_ += out.size();
}

LocalDomain::LocalDomain(DomainOptions options, std::unique_ptr<Store> store, spdlog::logger& log)
    : options_(std::move(options)),
      log_(log),
      store_(std::move(store)),
      fsm_(options_, entropy_),
      webhooks_(fsm_, mailbox_, reads_) {}

Result<> LocalDomain::start() {
    EDGE_TRY(auto loaded, store_->load());
    Actions out;
    log_.info("domain.loaded nodes={} unfinished_runs={} generation={}", loaded.nodes.size(), loaded.unfinished.size(),
              loaded.generation.id.text());
    fsm_.load(std::move(loaded), now(), out);
    reads_ = std::make_unique<ReadQueue>(*store_, [this](const Error& error) { on_fatal(error); });
    subscriptions_ = std::make_unique<Subscriptions>(*reads_, [this](std::function<void()> call) {
        mailbox_.post([call = std::move(call)](Now, Actions&) { call(); });
    });
    writer_ = std::make_unique<GroupWriter>(
        *store_,
        GroupWriter::Callbacks{
            [this](std::vector<GroupWriter::Outcome> outcomes) { on_written(std::move(outcomes)); },
            [this](const std::optional<Error>& why) { on_room_changed(why); },
            [this](bool is_long, std::uint64_t bytes) { on_log_changed(is_long, bytes); },
            [this](const Error& error) { on_fatal(error); },
        },
        options_.retention);
    carry_out(out);
    thread_ = std::thread([this] { run(); });
    pthread_setname_np(thread_.native_handle(), "edge-domain");
    return ok();
}

LocalDomain::~LocalDomain() {
    if (thread_.joinable()) {
        mailbox_.post([this](Now at, Actions& out) {
            fsm_.stop(at, out);
            stopping_ = true;
        });
        thread_.join();
    }
    mailbox_.close();
    writer_.reset();
    reads_.reset();
    refuse_open_tickets();
    if (subscriptions_) subscriptions_->end_all();
}

/// Nobody knows what state an exception left behind; what is stored is sound, and a restart begins with it.
void LocalDomain::run() {
    try {
        loop();
    } catch (const std::exception& e) {
        on_fatal(Error{Errc::internal, "domain thread", e.what()});
    }
}

void LocalDomain::loop() {
    std::vector<Mailbox::Message> messages;
    std::optional<steady_clock::time_point> give_up;
    while (true) {
        std::optional<steady_clock::time_point> until = give_up;
        if (const auto next = fsm_.next_deadline(); next && !give_up) {
            until = steady_clock::time_point(std::chrono::microseconds(*next));
        }
        mailbox_.take(messages, until);
        Actions actions;
        const Now at = now();
        fsm_.tick(at, actions);
        for (auto& message : messages) message(at, actions);
        messages.clear();
        carry_out(actions);
        if (writer_->degraded()) refuse_what_holds();
        if (stopping_ && !give_up) give_up = steady_clock::now() + kStopWithin;
        if (give_up && (fsm_.writes_under_way() == 0 || steady_clock::now() >= *give_up)) return;
    }
}

// Writes go out first: the disk works while the rest is done. No effect depends on a write of the same turn.
void LocalDomain::carry_out(Actions& actions) {
    std::vector<GroupWriter::Job> jobs;
    for (auto& write : actions.writes) {
        jobs.push_back({static_cast<std::uint64_t>(write.id), std::move(write.batch), write.may_fail});
    }
    writer_->push(std::move(jobs));
    for (auto& asked : actions.look_ups) look_up(std::move(asked));
    for (auto& find : actions.find_keys) {
        reads_->ask([this, find = std::move(find)](Store& store) {
            mailbox_.post([this, ticket = find.ticket, found = store.find_key(find.key)](Now at, Actions& out) {
                fsm_.key_found(ticket, found, at, out);
            });
        });
    }
    for (auto& effect : actions.effects) {
        std::visit([this](auto& one) { carry_out(one); }, effect);
    }
    if (told_.empty()) return;
    for (const auto& follower : followers_) follower->events(told_);
    told_.clear();
}

/// Results wait for the answer, and answers come in the order asked: one that cannot be had now is asked for again at
/// once, which takes as long as the store has patience.
void LocalDomain::look_up(LookUp asked) {
    reads_->ask([this, asked = std::move(asked)](Store& store) {
        while (!stopping_) {
            auto runs = store.runs_of(asked.tasks, asked.runs);
            auto rids = store.known_rids(asked.spool, asked.rids);
            if (runs && rids) {
                LookedUp found{std::move(runs.value()), std::move(rids.value())};
                mailbox_.post([this, id = asked.session, found = std::move(found)](Now at, Actions& out) {
                    fsm_.looked_up(id, found, at, out);
                });
                return;
            }
            const Error& error = !runs ? runs.error() : rids.error();
            if (error.code != Errc::unavailable) return on_fatal(error);
        }
    });
}

void LocalDomain::carry_out(SendTo& effect) {
    const auto at = sinks_.find(effect.session);
    if (at != sinks_.end()) at->second->send(std::move(effect.envelopes));
}

void LocalDomain::carry_out(CloseSession& effect) {
    const auto node = sinks_.extract(effect.session);
    if (node) node.mapped()->close(effect.why);
}

void LocalDomain::carry_out(JobAnswer& effect) {
    auto reply = take(job_replies_, effect.ticket);
    if (!reply) reply = take(cancel_replies_, effect.ticket);
    if (reply) reply(std::move(effect.run));
}

void LocalDomain::carry_out(PlanAnswer& effect) {
    auto reply = take(plan_replies_, effect.ticket);
    if (!reply) return;
    if (!effect.job) return reply(effect.job.error());
    job(effect.job.value(), std::move(reply));
}

void LocalDomain::carry_out(JoinAnswer& effect) {
    auto joining = take(joining_, effect.ticket);
    if (!joining.reply) return;
    if (const auto* welcome = std::get_if<link::Welcome>(&effect.answer)) {
        sinks_[welcome->session_id] = std::move(joining.sink);
        log_.info("session.welcomed session={} epoch={} peer={}", welcome->session_id.text(), welcome->epoch,
                  joining.peer);
    } else {
        const auto& reject = std::get<link::Reject>(effect.answer);
        log_.warn("session.rejected code={} peer={}", static_cast<int>(reject.code), joining.peer);
    }
    joining.reply(std::move(effect.answer));
}

void LocalDomain::carry_out(EnrollAnswer& effect) {
    if (const auto reply = take(enroll_replies_, effect.ticket)) reply(std::move(effect.reply));
}

void LocalDomain::carry_out(JoinTokensAnswer& effect) {
    if (const auto reply = take(token_replies_, effect.ticket)) reply(std::move(effect.tokens));
}
void LocalDomain::carry_out(JoinTokenAnswer& effect) {
    if (const auto reply = take(token_end_replies_, effect.ticket)) reply(std::move(effect.token));
}
void LocalDomain::carry_out(NodeAnswer& effect) {
    if (const auto reply = take(order_replies_, effect.ticket)) reply(std::move(effect.node));
}

void LocalDomain::carry_out(Happened& effect) {
    subscriptions_->happened(effect.run, effect.event);
}
void LocalDomain::carry_out(RunEnded& effect) {
    subscriptions_->ended(effect.run);
}
void LocalDomain::carry_out(Told& effect) {
    told_.push_back(std::move(effect.event));
}
void LocalDomain::carry_out(Noted& effect) {
    log_.info("{} {}", effect.event, effect.facts);
}

void LocalDomain::on_written(std::vector<GroupWriter::Outcome> outcomes) {
    mailbox_.post([this, outcomes = std::move(outcomes)](Now at, Actions& out) {
        for (const auto& outcome : outcomes) {
            const WriteId id{outcome.id};
            if (outcome.error)
                fsm_.failed(id, *outcome.error, at, out);
            else
                fsm_.committed(id, at, out);
        }
    });
}

/// A new job is refused by the store's own answer. A cancel, and an order about a node, hold whether they can be stored
/// or not; only who asked must not wait for it.
void LocalDomain::refuse_what_holds() {
    const Error held{Errc::unavailable,
                     {},
                     "it holds from now on, for what the node asks next; its session goes on until the store, which "
                     "cannot be written now, has it: ask again"};
    for (auto& [ticket, reply] : std::exchange(order_replies_, {})) reply(held);
    const Error later{Errc::unavailable,
                      {},
                      "what runs is being stopped; what ended with that is not stored yet, since the store cannot be "
                      "written now: ask again"};
    for (auto& [ticket, reply] : std::exchange(cancel_replies_, {})) reply(later);
}

/// On the edges only: a full disk is told once, however often it is tried.
void LocalDomain::on_room_changed(const std::optional<Error>& why) {
    mailbox_.post([](Now, Actions&) {});  // a turn, for who waits
    if (!why) return log_.info("store.recovered");
    if (why->os_errno == EBUSY) {
        return log_.error(
            "store.busy what=\"{}\" hint=\"another process holds the file; what waits is kept, what is new is "
            "refused\"",
            why->message());
    }
    log_.error(
        "store.no_space what=\"{}\" hint=\"free some at [store] path; what waits is kept, what is new is refused\"",
        why->message());
}

void LocalDomain::on_log_changed(bool is_long, std::uint64_t bytes) {
    if (!is_long) return log_.info("store.log_back bytes={}", bytes);
    log_.warn(
        "store.log_grown bytes={} hint=\"who reads the store's file for so long, a backup or a person with sqlite3, "
        "keeps it growing: fuser on [store] path names the process, and the log is copied back when that ends\"",
        bytes);
}

void LocalDomain::on_fatal(const Error& error) {
    if (options_.on_fatal) return options_.on_fatal(error);
    if (error.code == Errc::internal) {
        log_.critical(
            "broker.failed what=\"{}\" hint=\"a defect, please report it; restarting recovers what was committed\"",
            error.message());
        log_.flush();
        std::_Exit(kExitSoftware);
    }
    log_.critical(
        "store.failed what=\"{}\" hint=\"nothing more is acknowledged; restarting recovers what was committed\"",
        error.message());
    log_.flush();
    std::_Exit(kExitIo);
}

void LocalDomain::refuse_open_tickets() {
    const Error stopping{Errc::unavailable, {}, "the broker is stopping"};
    for (auto& [ticket, reply] : std::exchange(job_replies_, {})) reply(stopping);
    for (auto& [ticket, reply] : std::exchange(cancel_replies_, {})) reply(stopping);
    for (auto& [ticket, reply] : std::exchange(plan_replies_, {})) reply(stopping);
    for (auto& [ticket, reply] : std::exchange(enroll_replies_, {})) reply(stopping);
    for (auto& [ticket, reply] : std::exchange(token_replies_, {})) reply(stopping);
    for (auto& [ticket, reply] : std::exchange(token_end_replies_, {})) reply(stopping);
    for (auto& [ticket, reply] : std::exchange(order_replies_, {})) reply(stopping);
    webhooks_.refuse_all(stopping);
    for (auto& [ticket, joining] : std::exchange(joining_, {})) {
        joining.reply(link::Reject{link::RejectCode::overloaded, stopping.detail, 1'000, false});
    }
}

}  // namespace edge::broker
