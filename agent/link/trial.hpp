// A connection to the broker over a better uplink than the one in use, as far as the broker's challenge.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "agent/link/broker_connection.hpp"

namespace edge::agent {

/// Owns: the connection, until it is taken. Executor: the one io_context. Cancel: the destructor.
class Trial : private BrokerConnection::Listener {
  public:
    /// `done` is called once, later: without a reason, or why there is no challenge. It may destroy this.
    Trial(boost::asio::io_context& io, Endpoint broker, Route route, link::LinkTransport transport,
          std::function<void(const Closed&)> done);

    /// What it came to, where it went well: the connection, its binding, the broker's first message.
    std::unique_ptr<BrokerConnection> take() { return std::move(connection_); }
    const std::string& binding() const { return binding_; }
    const std::string& challenge() const { return challenge_; }
    const std::vector<std::string>& addresses() const { return addresses_; }
    bool is_open() const { return is_open_; }

  private:
    void connection_opened(std::string binding) override;
    void connection_resolved(const std::vector<std::string>& addresses) override { addresses_ = addresses; }
    void connection_message(std::string text) override;
    void connection_writable() override {}
    void connection_closed(const Closed& why) override;
    void end(const Closed& why);

    boost::asio::io_context& io_;
    std::unique_ptr<BrokerConnection> connection_;
    std::shared_ptr<std::function<void(const Closed&)>> done_;  // owners: this, and the handler that calls it
    std::string binding_;
    std::string challenge_;
    bool is_open_ = false;
    std::vector<std::string> addresses_;
};

}  // namespace edge::agent
