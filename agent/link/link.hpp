// The shell of LinkFsm: the connection, one timer, what waits to be sent. Named after what it is: the link to the
// broker.
#pragma once
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/link/broker_connection.hpp"
#include "agent/link/identity.hpp"
#include "agent/link/known_addresses.hpp"
#include "agent/link/link_fsm.hpp"
#include "agent/link/link_state.hpp"
#include "agent/link/outgoing.hpp"
#include "agent/link/transport_choice.hpp"
#include "agent/link/trial.hpp"
#include "agent/link/uplinks.hpp"
#include "agent/link/way_back.hpp"
#include "agent/link/way_choice.hpp"
#include "agent/spool/spool.hpp"

namespace edge::agent {

/// Where the link may go.
struct LinkWays {
    std::vector<Endpoint> brokers;                        // at least one, in the order in which they are tried
    std::vector<std::string> uplinks{link::kHostUplink};  // kHostUplink or names of lines, the best first
    std::optional<Proxy> proxy{};
    WayBack::Terms back{};
    Uplinks* lines = nullptr;                        // outlives the link; where an uplink is a line
    std::optional<link::LinkTransport> transport{};  // none: a WebSocket, and requests where none is to be had
};

/// Executor: the one io_context. Cancel: the destructor.
class Link : private BrokerConnection::Listener {
  public:
    class Listener {
      public:
        virtual ~Listener() = default;
        virtual void start_work(link::Task task) = 0;
        virtual void stop_work(std::uint64_t n, const link::AttemptRef& attempt) = 0;
        virtual void change_plan(ChangePlan change) = 0;
        /// Fills in what the link does not know: labels, lines, policy, plans; of what runs it takes what is not to be
        /// told.
        virtual void describe(link::Hello& hello) = 0;
        /// Results were acknowledged, all was written, or the session ended: what waits for quiet looks again.
        virtual void link_changed() = 0;
        /// What the node lends; none while it is not known.
        virtual std::optional<link::Policy> policy() = 0;
        /// Where brokers were found, all that were dialled so far: no probe's business.
        virtual void broker_found(const std::vector<std::string>& addresses) = 0;
        /// The disk failed: the process must end and recover.
        virtual void disk_failed(const Error& why) = 0;
    };

    Link(boost::asio::io_context& io, LinkSettings settings, Identity identity, NodeKeys keys, LinkWays ways,
         Disk& state, Spool& spool, Listener& listener);

    /// Errors: the join counter cannot be read.
    Result<> start();
    /// After a commit of the spool, and of all that was received: acknowledge work, send results.
    void committed();
    void slots_free(std::uint32_t free);
    void show(const link::Progress& progress);
    void lines_changed() { lines_dirty_ = true; }
    void policy_changed() { policy_dirty_ = true; }
    /// Looks at the lines that are uplinks again.
    void uplinks_changed();
    /// Droppable: nothing is kept for a later session.
    void tell(const link::Facts& facts);
    /// A key that is older than that is replaced, in a live session. Units: seconds; 0: never.
    void replace_key_older_than(std::uint64_t seconds);
    void drain();
    /// Ends a live session; the next one is dialled as after any other.
    void end_session(const std::string& why);
    void finish();
    /// Nothing is left to say: all committed results acknowledged, or no session to say it in.
    bool quiet() const;
    bool closed() const { return fsm_.idle(); }
    bool live() const { return fsm_.live(); }
    /// For people: `connected to HOST:PORT`, or `not connected: WHY`.
    std::string standing() const;
    /// Writes what is ready, many envelopes a message.
    void pump();

  private:
    void connection_opened(std::string binding) override;
    void connection_resolved(const std::vector<std::string>& addresses) override;
    void connection_message(std::string text) override;
    void connection_writable() override;
    void connection_closed(const Closed& why) override;

    void carry_out(LinkActions actions);
    void act(Dial&& action);
    void act(SayHello&& action);
    void act(StoreCounter&& action);
    void act(SendLine&& action);
    void act(StartWork&& action);
    void act(StopWork&& action);
    void act(ChangePlan&& action);
    void act(ForgetResults&& action);
    void act(RewindResults&& action);
    void act(RenewSpool&& action);
    void act(Hangup&& action);
    void act(Cut&& action);
    void act(TryOtherKey&& action);
    void act(MakeKey&& action);
    void act(TakeKey&& action);
    void act(StorePins&& action);
    void act(PreferBroker&& action);
    void act(Say&& action);
    void beat_each();
    void arm();
    Route route_of(std::size_t uplink) const;
    Route route_to(const Way& way) const;
    /// What a session over the way in use is told as.
    link::Uplink uplink() const;
    void note_addresses();
    void note_uplink();
    void note_state(bool connected);
    void look_for_better();
    void try_better();
    void tried(const Closed& why);
    void move_over();
    /// What changed is said as it is now.
    void say_changes();
    void say_notes();
    void note_generation(const GenerationId& generation);
    void offer_key();
    SpoolNumbers numbers() const { return {spool_.first_kept(), spool_.last(), spool_.acked()}; }

    boost::asio::io_context& io_;
    LinkFsm fsm_;
    Identity identity_;
    NodeKeys keys_;
    LinkWays ways_;
    WayChoice choice_;
    WayBack back_;
    TransportChoice transports_;
    link::LinkTransport transport_ = link::LinkTransport::websocket;  // of the way that is dialled, or in use
    Way way_;                                                         // that is dialled, or in use
    std::optional<std::size_t> live_uplink_;                          // of the last session
    std::map<std::size_t, std::string> failures_;                     // of uplinks: why each was left or not taken
    std::map<std::size_t, std::vector<std::string>> found_;           // each broker's addresses
    KnownAddresses known_;
    bool reached_ = false;  // its session was live
    bool silent_ = false;   // and fell silent
    std::string silent_because_;
    std::unique_ptr<Trial> trial_;
    Way tried_;  // by it
    link::LinkTransport tried_transport_ = link::LinkTransport::websocket;
    std::unique_ptr<BrokerConnection> left_;  // that was moved from, until the new session is there
    std::optional<link::Uplink> told_;        // as it is written down
    std::optional<LinkState> told_state_;     // likewise
    Disk& state_;
    Spool& spool_;
    Listener& listener_;
    std::string boot_id_;
    std::uint64_t join_counter_ = 0;
    std::optional<GenerationId> generation_;  // of the broker's store, as it is written down
    std::unique_ptr<BrokerConnection> connection_;
    std::string binding_;
    bool writing_ = false;
    Outgoing outgoing_;
    bool lines_dirty_ = false;
    bool policy_dirty_ = false;
    boost::asio::steady_timer timer_;
    Time armed_ = Time::max();
};

}  // namespace edge::agent
