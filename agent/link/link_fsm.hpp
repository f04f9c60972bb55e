// The agent's side of the link as a state machine: events and `now` in, actions out. No sockets, files or clocks.
// Source: docs/protocol.md; C2 of the design: server-first handshake, two sequenced streams, absolute credit.
#pragma once
#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "agent/link/backoff.hpp"
#include "agent/moment.hpp"
#include "protocol/link/envelopes.hpp"

namespace edge::agent {

// What the shell is to do, in the order given.
struct Dial {};
/// Build the hello, sign nonce ‖ exporter ‖ hash and send it.
struct SayHello {
    std::string nonce;  // 32 bytes
};
/// Write both down durably, then call counter_stored().
struct StoreCounter {
    std::uint64_t join_counter = 0;
    std::optional<GenerationId> generation;  // of the broker's store
};
struct SendLine {
    std::string line;
};
struct StartWork {
    link::Task task;
};
/// `n` is 0 for the revoke list, which has no number.
struct StopWork {
    std::uint64_t n = 0;
    link::AttemptRef attempt;
};
/// Of the node's own plan; acknowledged with work_durable().
struct ChangePlan {
    link::PlanChange change;
};
/// All results up to here are stored by the broker.
struct ForgetResults {
    std::uint64_t upto = 0;
};
/// The broker has results up to here only, fewer than it had acknowledged: Spool::rewind(). Where the spool cannot go
/// back that far, give_up(): the next hello says how far it can.
struct RewindResults {
    std::uint64_t upto = 0;
};
/// The broker's idea of our numbers cannot be continued: Spool::renew().
struct RenewSpool {
    std::string why;
};
/// Close the socket after what was sent; closed() follows.
struct Hangup {
    std::uint16_t code = 1000;
    std::string reason;
};
/// Close the socket at once: nobody is there to agree; closed() follows.
struct Cut {
    std::string why;
};
/// No key of the node's is known to the broker as the one that signed the hello: retry_soon() when there is another.
struct TryOtherKey {};
/// Make a new key, durably, then offer_key().
struct MakeKey {};
/// The broker has stored the new key.
struct TakeKey {
    std::string public_key;
};
/// How the broker is to be known, now and soon.
struct StorePins {
    link::Pins pins;
};
/// The broker goes, and names another: dialled first if it is one of ours.
struct PreferBroker {
    std::string url;
};
enum class Level { debug, info, warn, error };
/// An event and its fields, for the log.
struct Say {
    Level level = Level::info;
    std::string text;
};
using LinkAction =
    std::variant<Dial, SayHello, StoreCounter, SendLine, StartWork, StopWork, ChangePlan, ForgetResults, RewindResults,
                 RenewSpool, Hangup, Cut, TryOtherKey, MakeKey, TakeKey, StorePins, PreferBroker, Say>;
using LinkActions = std::vector<LinkAction>;

/// Why a connection could not be made or ended.
struct Closed {
    std::string reason;
    std::chrono::milliseconds retry_after{0};  // what an HTTP 503 asked for
    bool uplink_failed = false;                // nothing came back: no address, no route, no answer in time
    bool another_way = false;                  // one that was not tried yet can be dialled at once
    bool no_websocket = false;                 // the broker was there, and a WebSocket was not to be had
};

struct LinkSettings {
    std::chrono::milliseconds first_retry{30'000};
    std::uint32_t work_slots = 512;  // tasks at once: what work credit is made of
    std::uint64_t seed = 1;
    // Where there is another uplink to go to, silence is noticed sooner: three of these, if the broker's are longer.
    std::optional<std::chrono::milliseconds> heartbeat{};
};

/// Numbers the spool knows.
struct SpoolNumbers {
    std::uint64_t first = 0;  // lowest that can be sent, acknowledged ones included, 0: none
    std::uint64_t last = 0;   // highest committed
    std::uint64_t acked = 0;
};

class LinkFsm {
  public:
    explicit LinkFsm(LinkSettings settings);

    /// Silence is noticed after three of these, if the broker's are longer. For the next session.
    void beat_each(std::optional<std::chrono::milliseconds> heartbeat) { settings_.heartbeat = heartbeat; }
    LinkActions start(Time now);
    LinkActions opened(Time now);
    LinkActions received(link::Envelope envelope, const SpoolNumbers& spool, Moment now);
    /// A message that does not decode.
    LinkActions garbled(const Error& error);
    LinkActions counter_stored(Time now);
    /// While the broker says bye for the key that signed the hello: the next one comes soon.
    void retry_soon();
    LinkActions offer_key(link::NewKey key);
    /// An error of our own side (the counter could not be stored): leave and come back later.
    LinkActions give_up(std::string reason);
    LinkActions closed(const Closed& why, Time now);
    LinkActions tick(Moment now);
    /// When to call tick(); nothing while there is nothing to wait for.
    std::optional<Time> deadline() const;

    /// All work received so far is durable. What is acknowledged is numbered by this session, and by no other: work
    /// that an earlier one brought may have become durable only now.
    LinkActions work_durable();
    /// So many more tasks could be taken.
    LinkActions slots_free(std::uint32_t free);
    /// No more work is taken from now on.
    LinkActions drain();
    /// The session goes on over a connection that was opened already: its challenge is received next. What was sent on
    /// the old one and not acknowledged is sent again, as in any new session.
    LinkActions moved(Time now);
    bool may_move() const { return state_ == State::live && !draining_ && !going_away_; }
    /// What the connection is on is known to be gone: no answer is waited for.
    LinkActions uplink_lost(const std::string& why);
    /// Ends a live session; the next one is dialled as after any other.
    LinkActions end_session(const std::string& why);
    /// Ends the session for good; no Dial follows.
    LinkActions finish();

    bool live() const { return state_ == State::live; }
    /// Why the last connection ended or was not made, or what the broker said when it rejected the node; empty: there
    /// was none yet.
    const std::string& down_because() const { return down_because_; }
    bool idle() const { return state_ == State::waiting || state_ == State::finished || state_ == State::unborn; }
    /// The next result to send, if there is one and the session and the granted number allow it; ask has_credit() too.
    std::optional<std::uint64_t> next_result(std::uint64_t last_committed) const;
    bool has_credit(std::size_t bytes) const;
    void result_sent(std::uint64_t n, std::size_t bytes);
    /// The next of the results that came since the session began, while there are older ones to send: a copy of it may
    /// go before them.
    std::optional<std::uint64_t> next_early(std::uint64_t last_committed) const;
    void early_sent(std::uint64_t n) { early_next_ = n + 1; }
    /// Everything sent in this session was acknowledged.
    bool all_acked() const { return in_flight_.empty(); }
    /// Something was written to the socket.
    void wrote(Time now);
    /// Nothing more can be written now, of results that are committed up to here.
    void held(std::uint64_t last_committed, Time now);
    std::size_t max_message() const { return max_message_; }
    std::uint64_t unknown_envelopes() const { return unknown_; }

  private:
    enum class State { unborn, waiting, dialling, challenge, hello_sent, storing, live, leaving, finished };
    using Milliseconds = std::chrono::milliseconds;

    bool shaking_hands() const { return state_ >= State::dialling && state_ < State::live; }
    LinkActions on(const link::Challenge& challenge);
    LinkActions on(const link::Welcome& welcome, const SpoolNumbers& spool);
    LinkActions on(const link::Reject& reject);
    LinkActions on(link::Task&& task);
    LinkActions on(const link::CancelTask& cancel);
    template <class Change>
    LinkActions on_plan(Change&& change);
    LinkActions on(const link::ResultAck& ack);
    LinkActions on(const link::Credit& credit);
    LinkActions on(const link::Heartbeat& heartbeat, Moment now);
    LinkActions on(const link::Goaway& goaway, Time now);
    LinkActions on(const link::ProtocolError& error);
    LinkActions on(const link::UnknownEnvelope& unknown);
    LinkActions on_rotate_key(Time now) const;
    enum class Order { next, seen, broken };
    Order order_of(std::uint64_t n) const;
    LinkActions violation(const std::string& code, const std::string& text);
    LinkActions leave(std::uint16_t code, const std::string& reason);
    LinkActions cut(const std::string& reason);
    void plan_heartbeat(Time now);

    LinkSettings settings_;
    Backoff backoff_;
    State state_ = State::unborn;
    bool draining_ = false;
    bool was_live_ = false;
    std::string left_because_;
    std::string rejected_because_;
    std::string down_because_;
    std::optional<Milliseconds> wait_;  // said by the broker for the next dial
    Time wake_{};                       // waiting: when to dial; before live: when to give up; leaving: when to close
    std::optional<Time> key_taken_;     // when the broker last took a new key, in whatever session
    Time heard_{};
    Time heartbeat_at_{};
    Milliseconds heartbeat_{15'000};
    bool going_away_ = false;
    std::size_t max_message_ = link::kMaxMessage;

    std::uint64_t join_counter_ = 0;  // of this session, until stored
    std::uint64_t work_next_ = 1;
    std::uint64_t work_acked_ = 0;
    std::uint64_t work_granted_ = 0;
    std::uint32_t slots_ = 0;
    link::Credit credit_;  // for results
    std::uint64_t result_next_ = 1;
    std::uint64_t result_acked_ = 0;
    bool takes_early_ = false;  // the broker does
    std::uint64_t early_next_ = 1;
    std::uint64_t in_flight_bytes_ = 0;
    std::deque<std::pair<std::uint64_t, std::size_t>> in_flight_;
    std::optional<Time> waits_since_;  // for an acknowledgement of what is in flight, or for credit
    bool asks_others_ = false;         // it was rejected for what is no matter to another broker
    std::uint64_t unknown_ = 0;
};

}  // namespace edge::agent
