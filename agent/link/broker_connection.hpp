// One connection to the broker that carries messages: dialled, read, written and closed. What is said on it is
// LinkFsm's business.
#pragma once
#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "agent/link/dial.hpp"
#include "agent/link/endpoint.hpp"
#include "agent/link/link_fsm.hpp"
#include "protocol/link/uplink.hpp"

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

    virtual ~BrokerConnection() = default;
    virtual void dial() = 0;
    /// Another hears it from now on; nobody, if it has ended.
    virtual void tell(Listener& listener) = 0;
    /// One message at a time: only after opened, and again after each `writable`.
    virtual void write(std::string message) = 0;
    /// After what was written; the other side has two seconds to agree.
    virtual void close(std::uint16_t code, const std::string& reason) = 0;
    /// At once.
    virtual void cut() = 0;
};

/// A WebSocket, or requests that wait for an answer (docs/protocol.md).
std::unique_ptr<BrokerConnection> make_connection(boost::asio::io_context& io, Endpoint endpoint, Route route,
                                                  link::LinkTransport transport, BrokerConnection::Listener& listener);

}  // namespace edge::agent
