#include "agent/link/https_post.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace edge::agent {
namespace {

namespace asio = boost::asio;

constexpr std::chrono::seconds kAnswer{10};
constexpr std::size_t kMostAnswer = 64 * 1024;

/// The references outlive the io_context that runs this.
asio::awaitable<void> post(HttpsConnection& connection, HttpRequest request, Result<HttpAnswer>& answer) {
    const auto opened = co_await connection.open();
    if (!opened) {
        answer = opened.error();
        co_return;
    }
    const std::string where = answer.error().where;
    answer = Error{Errc::io, where, "no answer"};  // from here on it may have arrived
    answer = co_await connection.ask(std::move(request), kAnswer, kMostAnswer);
    if (answer && answer.value().end == HttpAnswer::End::cut)
        answer = Error{Errc::io, where, "HTTP " + std::to_string(answer.value().status) + ", and not to its end"};
}

}  // namespace

Result<HttpAnswer> https_post(const Endpoint& endpoint, const std::string& path, const std::string& body,
                              std::chrono::seconds within, const std::optional<Proxy>& proxy) {
    Result<HttpAnswer> answer =
        Error{Errc::unavailable, endpoint.authority(), "no connection within " + std::to_string(within.count()) + " s"};
    asio::io_context io(1);
    Route route;
    route.proxy = proxy;
    HttpsConnection connection(io.get_executor(), endpoint, std::move(route));
    HttpRequest request{"POST", path, {{"Content-Type", "application/json"}, {"Connection", "close"}}, body};
    auto exchange = post(connection, std::move(request), answer);
    asio::co_spawn(io, std::move(exchange), [&](const std::exception_ptr& thrown) {
        if (thrown) answer = Error{Errc::internal, endpoint.authority(), "an exception from a library"};
    });
    io.run_for(within);
    return answer;
}

}  // namespace edge::agent
