// One WebSocket to the broker: dialled, read, written and closed. What is said on it is LinkFsm's business.
#pragma once
#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "agent/link/dial.hpp"
#include "agent/link/endpoint.hpp"
#include "agent/link/link_fsm.hpp"

namespace edge::agent {

/// Executor: the one io_context. Cancel: the destructor; the listener hears nothing more.
class BrokerConnection {
  public:
    class Listener {
      public:
        virtual ~Listener() = default;
        /// `binding`: 32 bytes that only the two ends of this TLS connection know.
        virtual void connection_opened(std::string binding) = 0;
        /// The addresses that the broker's name stands for, before it is known whether one answers.
        virtual void connection_resolved(const std::vector<std::string>& addresses) = 0;
        virtual void connection_message(std::string text) = 0;
        virtual void connection_writable() = 0;
        /// Last of all, once, also when it never opened.
        virtual void connection_closed(const Closed& why) = 0;
    };

    BrokerConnection(boost::asio::io_context& io, Endpoint endpoint, Route route, Listener& listener);
    ~BrokerConnection();
    BrokerConnection(BrokerConnection&&) = delete;

    void dial();
    /// Another hears it from now on; nobody, if it has ended.
    void tell(Listener& listener);
    /// One message at a time: only after opened, and again after each `writable`.
    void write(std::string message);
    /// After what was written; the other side has two seconds to agree.
    void close(std::uint16_t code, const std::string& reason);
    /// At once.
    void cut();

  private:
    struct Open;
    std::shared_ptr<Open> open_;  // owners: this, and each pending operation until it ends
};

}  // namespace edge::agent
