// A connection's bytes, plain or TLS, as one type: HTTP and WebSocket are compiled once over it.
#pragma once
#include <array>
#include <boost/asio/any_completion_handler.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace edge::http {

/// An Asio AsyncReadStream and AsyncWriteStream. One read and one write at a time.
/// Owns: the socket. Executor: the socket's. Cancel: close().
class Transport {
  public:
    using Socket = boost::asio::ip::tcp::socket;
    using executor_type = Socket::executor_type;
    using Done = boost::asio::any_completion_handler<void(boost::system::error_code)>;
    using Moved = boost::asio::any_completion_handler<void(boost::system::error_code, std::size_t)>;

    /// `tls` null: plain.
    Transport(Socket socket, boost::asio::ssl::context* tls);
    ~Transport();
    Transport(Transport&&) noexcept;
    Transport& operator=(Transport&&) = delete;

    executor_type get_executor();
    bool is_tls() const;
    /// Completes at once when plain.
    template <class Token>
    auto async_handshake(Token&& token) {
        return boost::asio::async_initiate<Token, void(boost::system::error_code)>(
            [this](auto handler) { handshake(Done(std::move(handler))); }, token);
    }
    /// Ends our direction of the TCP connection, without close_notify.
    void end_sending();
    /// Sends close_notify and waits for the peer's (TLS), or ends our direction (plain).
    template <class Token>
    auto async_shutdown(Token&& token) {
        return boost::asio::async_initiate<Token, void(boost::system::error_code)>(
            [this](auto handler) { shutdown(Done(std::move(handler))); }, token);
    }
    /// What is pending completes with operation_aborted; the connection stays.
    void cancel();
    /// At once; what is pending completes with operation_aborted.
    void close();

    template <class Buffers, class Token>
    auto async_read_some(const Buffers& buffers, Token&& token) {
        boost::asio::mutable_buffer into;
        const auto end = boost::asio::buffer_sequence_end(buffers);
        for (auto at = boost::asio::buffer_sequence_begin(buffers); at != end && into.size() == 0; ++at) into = *at;
        return boost::asio::async_initiate<Token, void(boost::system::error_code, std::size_t)>(
            [this, into](auto handler) { read(into, Moved(std::move(handler))); }, token);
    }

    template <class Buffers, class Token>
    auto async_write_some(const Buffers& buffers, Token&& token) {
        // One buffer is sent as it is. Several, a frame's head and its body, are joined up to a TLS record, so that
        // they leave in one record and one segment.
        const auto begin = boost::asio::buffer_sequence_begin(buffers);
        const auto end = boost::asio::buffer_sequence_end(buffers);
        boost::asio::const_buffer from;
        if (begin != end) from = *begin;
        if (begin != end && std::next(begin) != end) {
            joined_.clear();
            for (auto at = begin; at != end && joined_.size() < kRecord; ++at) {
                const boost::asio::const_buffer part(*at);
                const std::size_t size = std::min(part.size(), kRecord - joined_.size());
                joined_.append(static_cast<const char*>(part.data()), size);
            }
            from = boost::asio::buffer(joined_);
        }
        return boost::asio::async_initiate<Token, void(boost::system::error_code, std::size_t)>(
            [this, from](auto handler) { write(from, Moved(std::move(handler))); }, token);
    }

    /// From now on `seen` is shown what each read brought, before who reads has it.
    void watch(std::function<void(boost::asio::const_buffer)> seen);

    /// 32 bytes only both ends of this TLS connection know; empty when plain. Source: RFC 5705, RFC 8446 section 7.5.
    std::string exported_key(std::string_view label);

  private:
    static constexpr std::size_t kRecord = 16 * 1024;
    struct Inner;

    void handshake(Done done);
    void shutdown(Done done);
    void read(boost::asio::mutable_buffer into, Moved done);
    void write(boost::asio::const_buffer from, Moved done);

    std::unique_ptr<Inner> inner_;
    std::string joined_;
};

}  // namespace edge::http
