#include "broker/gateway/backlog.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace edge::broker::gateway {

namespace asio = boost::asio;

std::shared_ptr<const void> Backlog::add() {
    ++waiting_;
    return {nullptr, [self = shared_from_this()](const void*) { self->taken(); }};
}

void Backlog::taken() {
    if (waiting_.fetch_sub(1) < kMost) return;
    asio::post(wake_.get_executor(), [self = shared_from_this()] { self->wake_.cancel(); });
}

asio::awaitable<void> Backlog::room() {
    boost::system::error_code canceled;
    while (waiting_.load() >= kMost) co_await wake_.async_wait(asio::redirect_error(asio::use_awaitable, canceled));
}

}  // namespace edge::broker::gateway
