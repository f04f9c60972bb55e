// An agent's session, whatever carries it: SessionFsm's shell.
#pragma once
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "broker/domain/domain.hpp"
#include "broker/gateway/backlog.hpp"
#include "broker/gateway/channel.hpp"
#include "broker/gateway/outbox.hpp"
#include "broker/gateway/session_fsm.hpp"

namespace edge::broker::gateway {

struct SessionOptions {
    link::Limits limits{};
    std::chrono::milliseconds handshake{10'000};  // from challenge to welcome_ack
    std::uint32_t drain_ms = 2'000;               // what agents get to flush when the broker stops
    std::uint32_t reconnect_window_ms = 5'000;
    std::string alternative{};  // https://HOST:PORT of a broker for them then; empty: none
    std::string console_url{};  // told to a node that enrols; empty: none
};

/// Where it came from.
struct Peer {
    std::string address;
    std::string exporter;  // the TLS connection's, 32 bytes; empty: it is plain
};

/// Owns: its share of the channel, until gone(). Executor: the channel's thread. Cancel: the channel's end.
/// Owners: who reads the channel, and pending handlers; the domain reaches it through Mailbox, weakly.
class Session final : public std::enable_shared_from_this<Session> {
  public:
    /// `domain` outlives the I/O threads.
    Session(boost::asio::any_io_executor executor, std::shared_ptr<Channel> channel, Peer peer, SessionOptions options,
            Domain& domain);

    void start();
    void message(std::string_view text);
    /// A message that is not text.
    void binary();
    /// A message in more frames than it may have.
    void fragmented();
    /// Any frame or request.
    void sign_of_life();
    /// Ends when the domain can take another message.
    boost::asio::awaitable<void> room() { return backlog_->room(); }
    /// The broker stops.
    void drain();
    /// The channel has ended. `why`, where it knows better than the session.
    void gone(std::string why = {});

  private:
    class Mailbox;

    void go_away(link::Goaway why);
    void send(std::vector<link::Envelope> envelopes);
    void apply(Actions actions);
    void carry_out(action::Send& send);
    void carry_out(action::FindKey& find);
    void carry_out(action::AskToJoin& ask);
    void carry_out(action::Confirm& confirm) { domain_.confirm(confirm.session, std::move(confirm.ack)); }
    void carry_out(action::Live& live);
    void carry_out(action::Deliver& deliver) {
        domain_.receive(deliver.session, std::move(deliver.envelopes), backlog_->add());
    }
    void carry_out(action::Measured& measured) {
        domain_.measured(measured.session, measured.rtt_us, measured.clock_offset_us);
    }
    void carry_out(action::Leave& leave) { domain_.leave(leave.session); }
    void carry_out(action::Close& close);
    void carry_out(action::Cut& cut);
    void flush();
    void close_now();
    void cut_now();
    void arm();
    void fired();

    boost::asio::any_io_executor executor_;
    std::shared_ptr<Channel> channel_;  // null: gone
    std::string peer_;
    SessionOptions options_;
    Domain& domain_;
    SessionFsm fsm_;
    boost::asio::steady_timer timer_;
    std::optional<std::chrono::steady_clock::time_point> armed_for_;
    std::shared_ptr<Backlog> backlog_;  // owners: this and the messages in the domain's mailbox
    Outbox outbox_;
    std::optional<std::chrono::steady_clock::time_point> writing_since_;  // a message is in the air
    std::optional<action::Close> closing_;
    std::optional<std::chrono::steady_clock::time_point> close_by_;
    std::string ended_because_ = "the agent left";
    std::string session_text_ = "-";
};

}  // namespace edge::broker::gateway
