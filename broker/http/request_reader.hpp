// Bytes of a connection to requests. No sockets: it is fed, and says what it wants.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "broker/http/http.hpp"
#include "broker/http/precheck.hpp"

namespace edge::http {

struct RequestLimits {
    std::size_t head_bytes = 8 * 1024;
    std::size_t body_bytes = 1024 * 1024;
};

/// Owns: what came and is not yet taken, pipelined requests among it.
class RequestReader {
  public:
    enum class State {
        idle,      // nothing of a request yet
        head,      // some of it
        body,      // the head is whole and fine
        complete,  // take() it
        refused,   // refusal() says why; nothing more can be read from this connection
    };

    explicit RequestReader(RequestLimits limits);
    ~RequestReader();

    State feed(std::string_view bytes);
    State state() const { return state_; }
    const Refusal& refusal() const { return refusal_; }
    /// In State::body: does the client wait for "100 Continue"? True once.
    bool take_continue() { return std::exchange(wants_continue_, false); }
    /// The request, without peer and id; what follows it is looked at next (state() afterwards).
    Request take();
    /// Nothing came behind the request that was taken.
    bool is_drained() const { return input_.empty(); }

  private:
    struct Parser;
    State advance();
    bool read_head();
    bool read_body();
    bool refuse(int status, std::string code, std::string detail);

    RequestLimits limits_;
    std::string input_;
    std::unique_ptr<Parser> parser_;
    State state_ = State::idle;
    Refusal refusal_;
    Request request_;
    bool wants_continue_ = false;
};

}  // namespace edge::http
