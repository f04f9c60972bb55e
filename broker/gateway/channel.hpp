// What carries a session's messages: a WebSocket, or requests that wait for them.
#pragma once
#include <chrono>
#include <functional>
#include <string>
#include <string_view>

#include "broker/gateway/session_fsm.hpp"

namespace edge::broker::gateway {

/// Executor: the session's thread.
class Channel {
  public:
    virtual ~Channel() = default;
    /// One message at a time; `done` is called later, when the agent has taken it. Not called: the channel is gone, and
    /// says so itself.
    virtual void write(std::string message, std::function<void()> done) = 0;
    /// After what was written, so that the agent hears of it.
    virtual void close(CloseCode code, const std::string& reason) = 0;
    /// At once.
    virtual void cut() = 0;
    /// The agent has shown who it is.
    virtual void authenticated() = 0;
    /// After that a message that is not taken shows an agent that does not read.
    virtual std::chrono::seconds write_limit() const = 0;
    /// After that without a sign of life nobody is there.
    virtual std::chrono::seconds silence() const = 0;
};

}  // namespace edge::broker::gateway
