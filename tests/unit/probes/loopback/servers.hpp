// Small servers for tests, on 127.0.0.1 and the io_context of the test: what a target or a resolver may do, and what it
// should not.
#pragma once
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/udp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "protocol/codings.hpp"

namespace edge::probes {

/// One accepted connection. Shared by its pending operations.
class Connection : public std::enable_shared_from_this<Connection> {
  public:
    explicit Connection(boost::asio::ip::tcp::socket socket)
        : socket_(std::move(socket)), timer_(socket_.get_executor()) {}

    void send(std::string text, std::function<void()> then = {});
    void send_then_close(std::string text);
    /// `chunk` again and again, as fast as it is taken.
    void send_forever(std::string chunk);
    /// One byte each `every`.
    void drip(std::string text, std::chrono::milliseconds every);
    void close();
    void reset();
    boost::asio::ip::tcp::socket& socket() { return socket_; }

    std::uint64_t bytes_sent = 0;

  private:
    boost::asio::ip::tcp::socket socket_;
    boost::asio::steady_timer timer_;
    std::string text_;
};

/// Reads a head (to the empty line) and hands it on with the connection; `at_once` hands on without reading.
class TcpServer {
  public:
    using Handler = std::function<void(std::shared_ptr<Connection>, std::string head)>;
    TcpServer(boost::asio::io_context& io, Handler handler, bool at_once = false);
    std::uint16_t port() const { return acceptor_.local_endpoint().port(); }
    std::string url(const std::string& path = "/") const { return "http://127.0.0.1:" + std::to_string(port()) + path; }
    int connections = 0;

  private:
    void accept();
    boost::asio::ip::tcp::acceptor acceptor_;
    Handler handler_;
    bool at_once_;
};

/// Answers each connection with 200 and `hi`, over TLS with a certificate for 127.0.0.1 and www.lab.test that nobody
/// signed.
class TlsServer {
  public:
    /// `extra`: certificates sent along that nobody needs.
    explicit TlsServer(boost::asio::io_context& io, bool is_expired = false, int extra = 0);
    std::uint16_t port() const { return acceptor_.local_endpoint().port(); }
    std::string url() const { return "https://127.0.0.1:" + std::to_string(port()) + "/"; }
    const std::string& certificate_pem() const { return certificate_; }

  private:
    void accept();
    boost::asio::ip::tcp::acceptor acceptor_;
    boost::asio::ssl::context context_;
    std::string certificate_;
};

/// Answers each datagram with those that `handler` makes of it.
class UdpServer {
  public:
    using Handler = std::function<std::vector<Bytes>(const Bytes& query)>;
    UdpServer(boost::asio::io_context& io, Handler handler, std::uint16_t port = 0);
    std::uint16_t port() const { return socket_.local_endpoint().port(); }
    int queries = 0;

  private:
    void receive();
    boost::asio::ip::udp::socket socket_;
    boost::asio::ip::udp::endpoint from_;
    Bytes buffer_;
    Handler handler_;
};

/// The query turned into an answer with one A record.
Bytes dns_answer(const Bytes& query, std::initializer_list<std::uint8_t> address = {198, 18, 0, 10},
                 unsigned flags = 0x8180);

}  // namespace edge::probes
