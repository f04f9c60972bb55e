// Sessions of agents that no WebSocket gets through to: each message is the body of a request, or of its answer.
#pragma once
#include <boost/asio/any_io_executor.hpp>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "broker/gateway/session.hpp"
#include "broker/http/http.hpp"

namespace edge::broker::gateway {

class PollChannel;

/// Owns: the sessions, until each ends. Executor: one I/O thread's, whose sessions they are; handle() and drain() are
/// called from any. Owners: who serves, the
/// gateway's handler, and what was posted to the executor.
class Polls final : public std::enable_shared_from_this<Polls> {
  public:
    /// `domain` outlives the I/O threads.
    Polls(boost::asio::any_io_executor executor, SessionOptions options, Domain& domain);

    /// A request for link::kPollPath. On its connection's thread.
    void handle(http::Request request, std::shared_ptr<http::Exchange> exchange);
    void drain();
    /// What is left of the sessions, when the I/O threads have ended and before the domain does: nobody is told.
    void let_go();

  private:
    void open(const http::Request& request, std::string exporter, http::Exchange& exchange);
    void go_on(http::Request request, std::shared_ptr<http::Exchange> exchange);

    boost::asio::any_io_executor executor_;
    SessionOptions options_;
    Domain& domain_;
    std::map<std::string, std::shared_ptr<PollChannel>> sessions_;  // by what the agent names them with
    std::multiset<std::string> beginning_;  // addresses of those that have not shown who they are
    bool draining_ = false;
};

}  // namespace edge::broker::gateway
