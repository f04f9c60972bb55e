// The two ends of an answer: what a handler holds, and what the connection waits for.
#pragma once
#include <atomic>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <deque>
#include <optional>
#include <set>

#include "broker/http/http.hpp"
#include "broker/http/server.hpp"

namespace edge::http {

/// A stream's bounded queue. Executor: the connection's thread.
class QueuedStream final : public Stream {
  public:
    QueuedStream(const boost::asio::any_io_executor& executor, Response head, StreamBounds bounds);

    bool send(std::string chunk, Kind kind) override;
    void close(std::string farewell) override;
    void abort() override { client_gone(); }
    void when_room(std::function<void()> callback) override;
    void on_end(std::function<void()> callback) override;

    // for the connection
    const Response& head() const { return head_; }
    /// What waits, at most about `most` bytes of it.
    std::string take(std::size_t most);
    bool is_finished() const { return gone_ || (closed_ && queue_.empty()); }
    bool is_gone() const { return gone_; }
    bool has_output() const { return !queue_.empty(); }
    void client_gone();
    void ended();
    boost::asio::steady_timer& wake() { return wake_; }

  private:
    void push(std::string chunk);
    void tell_room();

    Response head_;
    StreamBounds bounds_;
    std::deque<std::string> queue_;
    std::size_t queued_ = 0;
    bool closed_ = false;
    bool gone_ = false;
    std::function<void()> on_room_;
    std::function<void()> on_end_;
    boost::asio::steady_timer wake_;
};

/// What the connection waits for. Executor: the connection's thread. Owners: the connection and the exchange.
struct Answer {
    explicit Answer(const boost::asio::any_io_executor& executor) : wake(executor) {
        wake.expires_at(boost::asio::steady_timer::time_point::max());
    }
    bool is_there() const { return response || stream || upgrade; }
    void end();

    std::optional<Response> response;
    std::shared_ptr<QueuedStream> stream;
    std::function<void(Upgraded&)> upgrade;
    bool over = false;
    boost::asio::steady_timer wake;
    std::set<std::shared_ptr<boost::asio::steady_timer>> timers;
};

/// The connection as an exchange knows it. Executor: the connection's thread.
class Client {
  public:
    virtual ~Client() = default;
    virtual std::string exported_key(std::string_view label) = 0;
    virtual void authenticated() = 0;
};

class LiveExchange final : public Exchange {
  public:
    LiveExchange(boost::asio::any_io_executor executor, std::weak_ptr<Client> client, std::shared_ptr<Answer> answer,
                 StreamBounds bounds, std::string path, std::string request_id);
    ~LiveExchange() override;

    void reply(Response response) override;
    void post(std::function<void()> work) override;
    std::shared_ptr<Stream> stream(Response head) override;
    void upgrade(std::function<void(Upgraded&)> take) override;
    void after(std::uint32_t ms, std::function<void()> callback) override;
    std::string exported_key(std::string_view label) override;
    void authenticated() override;

  private:
    boost::asio::any_io_executor executor_;
    std::weak_ptr<Client> client_;
    std::shared_ptr<Answer> answer_;  // owners: this and the connection
    StreamBounds bounds_;
    std::string path_;
    std::string request_id_;
    std::atomic<bool> answered_{false};
};

}  // namespace edge::http
