// A server's TLS on a socket that costs nothing while nothing comes: no buffer of its own, OpenSSL reads from the
// socket and writes to it, and gives its records' buffers back between them.
#pragma once
#include <openssl/ssl.h>

#include <boost/asio/any_completion_handler.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <memory>

namespace edge::http {

/// One read and one write at a time; the handshake before both, shutdown after both.
/// Owns: the socket. Executor: the socket's. Cancel: socket().cancel() or close(); not while its destructor runs.
/// Errors: as Asio's own stream has them: eof after close_notify, asio::ssl::error::stream_truncated without it.
class TlsStream {
  public:
    using Socket = boost::asio::ip::tcp::socket;
    using Done = boost::asio::any_completion_handler<void(boost::system::error_code)>;
    using Moved = boost::asio::any_completion_handler<void(boost::system::error_code, std::size_t)>;

    TlsStream(Socket socket, boost::asio::ssl::context& context);
    TlsStream(TlsStream&&) = delete;

    Socket& socket() { return socket_; }
    SSL* native_handle() { return ssl_.get(); }

    void async_handshake(Done done);
    /// Sends close_notify and waits for the peer's.
    void async_shutdown(Done done);
    void async_read_some(boost::asio::mutable_buffer into, Moved done);
    void async_write_some(boost::asio::const_buffer from, Moved done);

  private:
    template <class Step>
    struct Operation;
    template <class Step>
    void start(Step step, Moved done);

    struct FreeSsl {
        void operator()(SSL* ssl) const { SSL_free(ssl); }
    };

    Socket socket_;
    std::unique_ptr<SSL, FreeSsl> ssl_;  // of null only where there was no memory for it
};

}  // namespace edge::http
