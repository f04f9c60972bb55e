// One session's requests that wait: which message is to be taken, which is to be told, and what was told already. Pure.
#pragma once
#include <cstdint>
#include <optional>
#include <string>

#include "broker/gateway/session_fsm.hpp"

namespace edge::broker::gateway {

/// The answer to a request for a message.
struct PollAnswer {
    enum class Kind { message, nothing, closed, wrong_number };
    Kind kind = Kind::nothing;
    std::uint64_t number = 0;            // of the message
    std::string text{};                  // the message, or why it is closed
    CloseCode code = CloseCode::normal;  // closed
};

/// Each message has a number, from 1 on in its direction. One to the agent is kept until the agent asks for what comes
/// after it: an answer that a broken connection took with it is given again.
class PollFsm {
  public:
    enum class Post { take, seen, wrong_number };
    /// A message came from the agent; taken() when it is one to take.
    Post posted(std::uint64_t number) const;
    void taken() { ++taken_; }

    struct Asked {
        bool taken = false;                // the message in the air has arrived
        std::optional<PollAnswer> answer;  // none: the request is held, and whoever was held before is told nothing
    };
    /// The agent asks for what comes after that number.
    Asked asked(std::uint64_t after);
    /// The next message; for the held request, if there is one. Only when none is in the air.
    std::optional<PollAnswer> write(std::string message);
    /// The end, behind what is in the air.
    std::optional<PollAnswer> close(CloseCode code, std::string reason);
    /// Nobody is held any more.
    void let_go() { held_ = false; }
    bool is_closed() const { return closed_.has_value(); }
    /// The agent was told that it is over.
    bool has_told_close() const { return told_close_; }

  private:
    std::optional<PollAnswer> next();

    std::uint64_t taken_ = 0;  // from the agent
    std::uint64_t given_ = 0;  // to it, last
    std::optional<std::string> in_the_air_;
    bool held_ = false;
    std::optional<PollAnswer> closed_;
    bool told_close_ = false;
};

}  // namespace edge::broker::gateway
