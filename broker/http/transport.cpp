#include "broker/http/transport.hpp"

#include <boost/asio/append.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <variant>

namespace edge::http {

namespace asio = boost::asio;
using Tls = asio::ssl::stream<Transport::Socket>;

struct Transport::Inner {
    std::variant<Socket, Tls> stream;

    Socket& socket() {
        if (auto* tls = std::get_if<Tls>(&stream)) return tls->next_layer();
        return std::get<Socket>(stream);
    }
};

Transport::Transport(Socket socket, asio::ssl::context* tls)
    : inner_(tls ? new Inner{Tls(std::move(socket), *tls)} : new Inner{std::move(socket)}) {}
Transport::~Transport() = default;
Transport::Transport(Transport&&) noexcept = default;

Transport::executor_type Transport::get_executor() {
    return inner_->socket().get_executor();
}

bool Transport::is_tls() const {
    return std::holds_alternative<Tls>(inner_->stream);
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
    if (auto* tls = std::get_if<Tls>(&inner_->stream)) return tls->async_handshake(Tls::server, std::move(done));
    asio::post(get_executor(), asio::append(std::move(done), boost::system::error_code{}));
}

void Transport::shutdown(Done done) {
    if (auto* tls = std::get_if<Tls>(&inner_->stream)) return tls->async_shutdown(std::move(done));
    boost::system::error_code failed;
    inner_->socket().shutdown(Socket::shutdown_send, failed);
    asio::post(get_executor(), asio::append(std::move(done), failed));
}

void Transport::read(asio::mutable_buffer into, Moved done) {
    if (auto* tls = std::get_if<Tls>(&inner_->stream)) return tls->async_read_some(into, std::move(done));
    std::get<Socket>(inner_->stream).async_read_some(into, std::move(done));
}

void Transport::write(asio::const_buffer from, Moved done) {
    if (auto* tls = std::get_if<Tls>(&inner_->stream)) return tls->async_write_some(from, std::move(done));
    std::get<Socket>(inner_->stream).async_write_some(from, std::move(done));
}

std::string Transport::exported_key(const char* label) {
    auto* tls = std::get_if<Tls>(&inner_->stream);
    if (!tls) return {};
    std::string key(32, '\0');
    const int exported =
        SSL_export_keying_material(tls->native_handle(), reinterpret_cast<unsigned char*>(key.data()), key.size(),
                                   label, std::char_traits<char>::length(label), nullptr, 0, 0);
    return exported == 1 ? key : std::string();
}

}  // namespace edge::http
