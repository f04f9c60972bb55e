#include "tests/unit/probes/loopback/servers.hpp"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <boost/asio/read_until.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/write.hpp>

namespace edge::probes {

namespace asio = boost::asio;
using asio::ip::tcp;
using asio::ip::udp;
using boost::system::error_code;

void Connection::send(std::string text, std::function<void()> then) {
    text_ = std::move(text);
    asio::async_write(socket_, asio::buffer(text_),
                      [self = shared_from_this(), then = std::move(then)](error_code error, std::size_t n) {
                          self->bytes_sent += n;
                          if (!error && then) then();
                      });
}

void Connection::send_then_close(std::string text) {
    send(std::move(text), [self = shared_from_this()] { self->close(); });
}

void Connection::send_forever(std::string chunk) {
    send(chunk, [self = shared_from_this(), chunk] { self->send_forever(chunk); });
}

void Connection::drip(std::string text, std::chrono::milliseconds every) {
    if (text.empty()) return close();
    send(text.substr(0, 1), [self = shared_from_this(), rest = text.substr(1), every] {
        self->timer_.expires_after(every);
        self->timer_.async_wait([self, rest, every](error_code error) {
            if (!error) self->drip(rest, every);
        });
    });
}

void Connection::close() {
    error_code ignored;
    socket_.shutdown(tcp::socket::shutdown_both, ignored);
    socket_.close(ignored);
}

void Connection::reset() {
    error_code ignored;
    socket_.set_option(asio::socket_base::linger(true, 0), ignored);
    socket_.close(ignored);
}

TcpServer::TcpServer(asio::io_context& io, Handler handler, bool at_once)
    : acceptor_(io, tcp::endpoint(asio::ip::address_v4::loopback(), 0)),
      handler_(std::move(handler)),
      at_once_(at_once) {
    accept();
}

void TcpServer::accept() {
    acceptor_.async_accept([this](error_code error, tcp::socket socket) {
        if (error) return;
        ++connections;
        auto connection = std::make_shared<Connection>(std::move(socket));
        if (at_once_) {
            handler_(connection, {});
        } else {
            auto head = std::make_shared<std::string>();
            asio::async_read_until(connection->socket(), asio::dynamic_buffer(*head, 65'536), "\r\n\r\n",
                                   [this, connection, head](error_code failed, std::size_t) {
                                       if (!failed) handler_(connection, *head);
                                   });
        }
        accept();
    });
}

namespace {

struct Identity {
    std::string key;
    std::string certificate;
};

std::string pem_of(BIO* bio) {
    char* data = nullptr;
    const long size = BIO_get_mem_data(bio, &data);
    std::string text(data, static_cast<std::size_t>(size));
    BIO_free(bio);
    return text;
}

Identity make_identity(bool is_expired) {
    EVP_PKEY* key = EVP_EC_gen("P-256");
    X509* certificate = X509_new();
    X509_set_version(certificate, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -7200);
    X509_gmtime_adj(X509_getm_notAfter(certificate), is_expired ? -3600 : 3600);
    X509_set_pubkey(certificate, key);
    X509_NAME* name = X509_get_subject_name(certificate);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>("www.lab.test"), -1, -1,
                               0);
    X509_set_issuer_name(certificate, name);
    X509_EXTENSION* san = X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, "DNS:www.lab.test,IP:127.0.0.1");
    X509_add_ext(certificate, san, -1);
    X509_EXTENSION_free(san);
    X509_sign(certificate, key, EVP_sha256());
    BIO* key_out = BIO_new(BIO_s_mem());
    PEM_write_bio_PrivateKey(key_out, key, nullptr, nullptr, 0, nullptr, nullptr);
    BIO* certificate_out = BIO_new(BIO_s_mem());
    PEM_write_bio_X509(certificate_out, certificate);
    X509_free(certificate);
    EVP_PKEY_free(key);
    return Identity{pem_of(key_out), pem_of(certificate_out)};
}

}  // namespace

TlsServer::TlsServer(asio::io_context& io, bool is_expired, int extra)
    : acceptor_(io, tcp::endpoint(asio::ip::address_v4::loopback(), 0)), context_(asio::ssl::context::tls_server) {
    const Identity identity = make_identity(is_expired);
    certificate_ = identity.certificate;
    std::string chain = identity.certificate;
    for (int i = 0; i < extra; ++i) chain += identity.certificate;
    context_.use_certificate_chain(asio::buffer(chain));
    context_.use_private_key(asio::buffer(identity.key), asio::ssl::context::pem);
    accept();
}

void TlsServer::accept() {
    acceptor_.async_accept([this](error_code error, tcp::socket socket) {
        if (error) return;
        auto stream = std::make_shared<asio::ssl::stream<tcp::socket>>(std::move(socket), context_);
        stream->async_handshake(asio::ssl::stream_base::server, [stream](error_code failed) {
            if (failed) return;
            auto head = std::make_shared<std::string>();
            asio::async_read_until(
                *stream, asio::dynamic_buffer(*head, 65'536), "\r\n\r\n",
                [stream, head](error_code no_head, std::size_t) {
                    if (no_head) return;
                    static const std::string answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nServer: tls\r\n\r\nhi";
                    asio::async_write(*stream, asio::buffer(answer), [stream](error_code, std::size_t) {});
                });
        });
        accept();
    });
}

UdpServer::UdpServer(asio::io_context& io, Handler handler, std::uint16_t port)
    : socket_(io, udp::endpoint(asio::ip::address_v4::loopback(), port)),
      buffer_(65'536),
      handler_(std::move(handler)) {
    receive();
}

void UdpServer::receive() {
    socket_.async_receive_from(asio::buffer(buffer_), from_, [this](error_code error, std::size_t size) {
        if (error) return;
        ++queries;
        for (const Bytes& answer :
             handler_(Bytes(buffer_.begin(), buffer_.begin() + static_cast<std::ptrdiff_t>(size)))) {
            error_code ignored;
            socket_.send_to(asio::buffer(answer), from_, 0, ignored);
        }
        receive();
    });
}

Bytes dns_answer(const Bytes& query, std::initializer_list<std::uint8_t> address, unsigned flags) {
    std::size_t end = 12;
    while (end < query.size() && query[end] != 0) end += query[end] + 1u;
    Bytes answer(query.begin(), query.begin() + static_cast<std::ptrdiff_t>(std::min(query.size(), end + 5)));
    answer[2] = static_cast<std::uint8_t>(flags >> 8);
    answer[3] = static_cast<std::uint8_t>(flags);
    answer[7] = 1;   // one answer
    answer[11] = 0;  // no OPT
    const bool asks_a = answer[answer.size() - 3] == 1;
    if (!asks_a) answer[7] = 0;
    if (!asks_a) return answer;
    answer.insert(answer.end(), {0xc0, 0x0c, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4});
    answer.insert(answer.end(), address);
    return answer;
}

}  // namespace edge::probes
