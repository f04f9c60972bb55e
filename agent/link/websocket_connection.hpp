// The link on a WebSocket.
#pragma once
#include "agent/link/broker_connection.hpp"

namespace edge::agent {

class WebSocketConnection final : public BrokerConnection {
  public:
    WebSocketConnection(boost::asio::io_context& io, Endpoint endpoint, Route route, Listener& listener);
    ~WebSocketConnection() override;

    void dial() override;
    void tell(Listener& listener) override;
    void write(std::string message) override;
    void close(std::uint16_t code, const std::string& reason) override;
    void cut() override;

  private:
    struct Open;
    std::shared_ptr<Open> open_;  // owners: this, and each pending operation until it ends
};

}  // namespace edge::agent
