#include "broker/http/transport.hpp"

#include <boost/asio/append.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/post.hpp>
#include <variant>

#include "broker/http/tls_stream.hpp"

namespace edge::http {

namespace asio = boost::asio;

struct Transport::Inner {
    std::variant<Socket, TlsStream> stream;
    std::function<void(asio::const_buffer)> seen;

    explicit Inner(Socket socket) : stream(std::in_place_type<Socket>, std::move(socket)) {}
    Inner(Socket socket, asio::ssl::context& tls) : stream(std::in_place_type<TlsStream>, std::move(socket), tls) {}

    TlsStream* tls() { return std::get_if<TlsStream>(&stream); }
    Socket& socket() { return tls() ? tls()->socket() : std::get<Socket>(stream); }
    void read(asio::mutable_buffer into, Moved done) {
        if (auto* secured = tls()) return secured->async_read_some(into, std::move(done));
        socket().async_read_some(into, std::move(done));
    }
};

Transport::Transport(Socket socket, asio::ssl::context* tls)
    : inner_(tls ? std::make_unique<Inner>(std::move(socket), *tls) : std::make_unique<Inner>(std::move(socket))) {}
Transport::~Transport() = default;
Transport::Transport(Transport&&) noexcept = default;

Transport::executor_type Transport::get_executor() {
    return inner_->socket().get_executor();
}

bool Transport::is_tls() const {
    return inner_->tls() != nullptr;
}

void Transport::cancel() {
    boost::system::error_code ignored;  // nothing may be pending
    inner_->socket().cancel(ignored);
}

void Transport::close() {
    boost::system::error_code ignored;  // the socket is gone either way
    inner_->socket().close(ignored);
}

void Transport::end_sending() {
    boost::system::error_code ignored;  // the peer may be gone already
    inner_->socket().shutdown(Socket::shutdown_send, ignored);
}

void Transport::handshake(Done done) {
    if (auto* tls = inner_->tls()) return tls->async_handshake(std::move(done));
    asio::post(get_executor(), asio::append(std::move(done), boost::system::error_code{}));
}

void Transport::shutdown(Done done) {
    if (auto* tls = inner_->tls()) return tls->async_shutdown(std::move(done));
    boost::system::error_code failed;
    inner_->socket().shutdown(Socket::shutdown_send, failed);
    asio::post(get_executor(), asio::append(std::move(done), failed));
}

void Transport::watch(std::function<void(asio::const_buffer)> seen) {
    inner_->seen = std::move(seen);
}

void Transport::read(asio::mutable_buffer into, Moved done) {
    if (!inner_->seen) return inner_->read(into, std::move(done));
    const auto executor = asio::get_associated_executor(done, get_executor());
    auto shown = [inner = inner_.get(), into, done = std::move(done)](boost::system::error_code failed,
                                                                      std::size_t size) mutable {
        if (size > 0) inner->seen(asio::buffer(into, size));
        std::move(done)(failed, size);
    };
    // Not assigned to `done`: Boost 1.81's any_completion_handler copies itself there, and never comes back.
    inner_->read(into, Moved(asio::bind_executor(executor, std::move(shown))));
}

void Transport::write(asio::const_buffer from, Moved done) {
    if (auto* tls = inner_->tls()) return tls->async_write_some(from, std::move(done));
    inner_->socket().async_write_some(from, std::move(done));
}

std::string Transport::exported_key(std::string_view label) {
    auto* tls = inner_->tls();
    if (!tls) return {};
    std::string key(32, '\0');
    const int exported = SSL_export_keying_material(tls->native_handle(), reinterpret_cast<unsigned char*>(key.data()),
                                                    key.size(), label.data(), label.size(), nullptr, 0, 0);
    return exported == 1 ? key : std::string();
}

}  // namespace edge::http
