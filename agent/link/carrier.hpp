// The bytes under the broker's TLS: a TCP connection, or TLS to a proxy on one.
#pragma once
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <memory>
#include <utility>

namespace boost::beast {
enum class role_type;
}

namespace edge::agent {

/// Owns: the socket and its deadline. Executor: the one io_context. Cancel: close().
class Carrier {
  public:
    using executor_type = boost::asio::any_io_executor;
    using tcp = boost::asio::ip::tcp;
    using lowest_layer_type = tcp::socket;
    using ProxyTls = boost::asio::ssl::stream<tcp::socket&>;

    explicit Carrier(executor_type executor) : inside_(std::make_shared<Inside>(std::move(executor))) {}
    Carrier(Carrier&&) = default;
    ~Carrier() {
        if (inside_) inside_->deadline.cancel();
    }

    executor_type get_executor() { return inside_->socket.get_executor(); }
    lowest_layer_type& lowest_layer() { return inside_->socket; }
    const lowest_layer_type& lowest_layer() const { return inside_->socket; }

    /// All that is not done by then fails, and the connection with it.
    void expires_after(std::chrono::milliseconds within) {
        inside_->expired = false;
        inside_->deadline.expires_after(within);
        inside_->deadline.async_wait([weak = std::weak_ptr(inside_)](const boost::system::error_code& error) {
            const auto inside = weak.lock();
            if (error || !inside) return;
            inside->expired = true;
            boost::system::error_code ignored;
            inside->socket.close(ignored);
        });
    }
    void expires_never() { inside_->deadline.cancel(); }
    bool expired() const { return inside_->expired; }
    void close() {
        boost::system::error_code ignored;
        inside_->socket.close(ignored);
    }
    /// From its handshake on all goes through it.
    ProxyTls& proxy_tls(boost::asio::ssl::context& context) {
        proxy_ = std::make_unique<ProxyTls>(inside_->socket, context);
        return *proxy_;
    }

    template <class Buffers, class Token>
    auto async_read_some(const Buffers& buffers, Token&& token) {
        if (proxy_) return proxy_->async_read_some(buffers, std::forward<Token>(token));
        return inside_->socket.async_read_some(buffers, std::forward<Token>(token));
    }
    template <class Buffers, class Token>
    auto async_write_some(const Buffers& buffers, Token&& token) {
        if (proxy_) return proxy_->async_write_some(buffers, std::forward<Token>(token));
        return inside_->socket.async_write_some(buffers, std::forward<Token>(token));
    }

  private:
    struct Inside {
        explicit Inside(executor_type executor) : socket(executor), deadline(std::move(executor)) {}
        tcp::socket socket;
        boost::asio::steady_timer deadline;
        bool expired = false;
    };
    std::shared_ptr<Inside> inside_;  // owners: this, and for a moment a deadline that fires
    std::unique_ptr<ProxyTls> proxy_;
};

// How Beast's WebSocket ends such a connection, found by argument-dependent lookup.

inline void beast_close_socket(Carrier& carrier) {
    carrier.close();
}

inline void teardown(boost::beast::role_type, Carrier& carrier, boost::system::error_code& failed) {
    failed = {};
    carrier.close();
}

template <class Handler>
void async_teardown(boost::beast::role_type, Carrier& carrier, Handler&& handler) {
    carrier.close();
    boost::asio::post(carrier.get_executor(),
                      [handler = std::forward<Handler>(handler)]() mutable { handler(boost::system::error_code{}); });
}

}  // namespace edge::agent
