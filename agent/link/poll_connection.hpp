// The link as HTTPS requests, where no WebSocket gets through: one brings a message to the broker, one waits for a
// message from it. Each has a connection of its own, which may break and be made anew while the session goes on.
#pragma once
#include "agent/link/broker_connection.hpp"

namespace edge::agent {

class PollConnection final : public BrokerConnection {
  public:
    PollConnection(boost::asio::io_context& io, Endpoint endpoint, Route route, Listener& listener);
    ~PollConnection() override;

    void dial() override;
    void tell(Listener& listener) override;
    void write(std::string message) override;
    void close(std::uint16_t code, const std::string& reason) override;
    void cut() override;

  private:
    struct Open;
    std::shared_ptr<Open> open_;  // owners: this, and its two loops until they end
};

}  // namespace edge::agent
