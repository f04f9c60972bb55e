#include "agent/link/trial.hpp"

#include <boost/asio/post.hpp>
#include <utility>

namespace edge::agent {

Trial::Trial(boost::asio::io_context& io, Endpoint broker, Route route, link::LinkTransport transport,
             std::function<void(const Closed&)> done)
    : io_(io), done_(std::make_shared<std::function<void(const Closed&)>>(std::move(done))) {
    BrokerConnection::Listener& here = *this;
    connection_ = make_connection(io, std::move(broker), std::move(route), transport, here);
    connection_->dial();
}

void Trial::connection_opened(std::string binding) {
    binding_ = std::move(binding);
    is_open_ = true;
}

void Trial::connection_message(std::string text) {
    if (!challenge_.empty()) return;
    challenge_ = std::move(text);
    end({});
}

void Trial::connection_closed(const Closed& why) {
    is_open_ = false;
    if (!challenge_.empty()) return;
    Closed told = why;
    if (told.reason.empty()) told.reason = "closed";
    end(told);
}

/// Posted: a connection is not destroyed from inside its own call.
void Trial::end(const Closed& why) {
    boost::asio::post(io_, [weak = std::weak_ptr(done_), why] {
        if (const auto done = weak.lock()) (*done)(why);
    });
}

}  // namespace edge::agent
