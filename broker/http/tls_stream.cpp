#include "broker/http/tls_stream.hpp"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <sys/socket.h>

#include <boost/asio/append.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/error.hpp>
#include <cerrno>
#include <new>

namespace edge::http {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

// OpenSSL's own socket BIO writes by write(2): a peer that is gone would be a SIGPIPE.
int fd_of(BIO* bio) {
    return static_cast<int>(reinterpret_cast<std::intptr_t>(BIO_get_data(bio)));
}

bool again() {
    return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
}

int bio_write(BIO* bio, const char* bytes, int size) {
    BIO_clear_retry_flags(bio);
    const auto sent = ::send(fd_of(bio), bytes, static_cast<std::size_t>(size), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && again()) BIO_set_retry_write(bio);
    return static_cast<int>(sent);
}

int bio_read(BIO* bio, char* into, int size) {
    BIO_clear_retry_flags(bio);
    const auto received = ::recv(fd_of(bio), into, static_cast<std::size_t>(size), MSG_DONTWAIT);
    if (received < 0 && again()) BIO_set_retry_read(bio);
    if (received == 0) BIO_set_flags(bio, BIO_FLAGS_IN_EOF);
    return static_cast<int>(received);
}

long bio_control(BIO* bio, int what, long, void*) {
    switch (what) {
        case BIO_CTRL_FLUSH:
            return 1;
        case BIO_CTRL_EOF:
            return BIO_test_flags(bio, BIO_FLAGS_IN_EOF) != 0 ? 1 : 0;
        default:
            return 0;
    }
}

const BIO_METHOD* socket_bio() {
    static const BIO_METHOD* const method = [] {
        BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "socket without SIGPIPE");
        if (!made) throw std::bad_alloc();
        BIO_meth_set_write(made, bio_write);
        BIO_meth_set_read(made, bio_read);
        BIO_meth_set_ctrl(made, bio_control);
        return made;
    }();
    return method;
}

BIO* make_bio(int fd) {
    BIO* bio = BIO_new(socket_bio());
    if (!bio) throw std::bad_alloc();
    BIO_set_data(bio, reinterpret_cast<void*>(static_cast<std::intptr_t>(fd)));
    BIO_set_init(bio, 1);
    return bio;
}

/// What stopped a call that will not go on.
error_code failure(int kind) {
    if (kind == SSL_ERROR_ZERO_RETURN) return asio::error::eof;
    const unsigned long code = ERR_get_error();
    if (code != 0 && ERR_GET_REASON(code) != SSL_R_UNEXPECTED_EOF_WHILE_READING)
        return {static_cast<int>(code), asio::error::get_ssl_category()};
    if (code == 0 && errno != 0) return {errno, boost::system::system_category()};
    return asio::ssl::error::stream_truncated;
}

}  // namespace

TlsStream::TlsStream(Socket socket, asio::ssl::context& context)
    : socket_(std::move(socket)), ssl_(SSL_new(context.native_handle())) {
    if (!ssl_) throw std::bad_alloc();
    BIO* bio = make_bio(socket_.native_handle());
    SSL_set_bio(ssl_.get(), bio, bio);
    SSL_set_accept_state(ssl_.get());
    SSL_set_mode(ssl_.get(),
                 SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
}

/// A call of OpenSSL that is made again whenever the socket is ready for what it wanted.
template <class Step>
struct TlsStream::Operation {
    TlsStream& stream;
    Socket::executor_type executor;
    Step step;
    Moved done;

    /// `is_first`: the caller has not returned yet, so its handler may not be called.
    void run(bool is_first) {
        if (!stream.socket_.is_open()) return end(is_first, asio::error::operation_aborted, 0);
        std::size_t moved = 0;
        ERR_clear_error();
        errno = 0;
        const int result = step(stream.ssl_.get(), moved);
        if (result > 0) return end(is_first, {}, moved);
        switch (const int kind = SSL_get_error(stream.ssl_.get(), result)) {
            case SSL_ERROR_WANT_READ:
                return wait(Socket::wait_read);
            case SSL_ERROR_WANT_WRITE:
                return wait(Socket::wait_write);
            default:
                return end(is_first, failure(kind), 0);
        }
    }

    void wait(Socket::wait_type what) {
        Socket& socket = stream.socket_;
        socket.async_wait(what, [self = std::move(*this)](error_code failed) mutable {
            if (failed) return self.end(false, failed, 0);  // the stream may be gone
            self.run(false);
        });
    }

    void end(bool is_first, error_code failed, std::size_t moved) {
        if (is_first) return asio::post(executor, asio::append(std::move(done), failed, moved));
        asio::dispatch(executor, asio::append(std::move(done), failed, moved));
    }
};

template <class Step>
void TlsStream::start(Step step, Moved done) {
    Operation<Step>{*this, socket_.get_executor(), std::move(step), std::move(done)}.run(true);
}

void TlsStream::async_handshake(Done done) {
    start([](SSL* ssl, std::size_t&) { return SSL_do_handshake(ssl); },
          [done = std::move(done)](error_code failed, std::size_t) mutable { std::move(done)(failed); });
}

void TlsStream::async_shutdown(Done done) {
    const auto step = [](SSL* ssl, std::size_t&) {
        const int sent = SSL_shutdown(ssl);
        return sent == 0 ? SSL_shutdown(ssl) : sent;  // 0: ours is sent, theirs has not come
    };
    start(step, [done = std::move(done)](error_code failed, std::size_t) mutable { std::move(done)(failed); });
}

void TlsStream::async_read_some(asio::mutable_buffer into, Moved done) {
    start([into](SSL* ssl, std::size_t& moved) { return SSL_read_ex(ssl, into.data(), into.size(), &moved); },
          std::move(done));
}

void TlsStream::async_write_some(asio::const_buffer from, Moved done) {
    start([from](SSL* ssl, std::size_t& moved) { return SSL_write_ex(ssl, from.data(), from.size(), &moved); },
          std::move(done));
}

}  // namespace edge::http
