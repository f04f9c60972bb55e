#include "tests/unit/agent/link/scripted_broker.hpp"

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <poll.h>
#include <sys/socket.h>

#include <atomic>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl.hpp>
#include <boost/beast/websocket.hpp>
#include <boost/beast/websocket/ssl.hpp>
#include <cstring>
#include <future>
#include <mutex>
#include <stdexcept>
#include <thread>

namespace edge::agent {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
namespace websocket = beast::websocket;
using asio::ip::tcp;
using TlsStream = beast::ssl_stream<tcp::socket>;

constexpr int kListensForMs = 300;  // after an answer, if the agent does not end the connection

/// A self-signed P-256 certificate put into the context. Answers the pin.
Digest use_new_certificate(asio::ssl::context& context) {
    const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(EVP_EC_gen("P-256"), EVP_PKEY_free);
    const std::unique_ptr<X509, decltype(&X509_free)> certificate(X509_new(), X509_free);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate.get()), 0);
    X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 3600);
    X509_set_pubkey(certificate.get(), key.get());
    X509_sign(certificate.get(), key.get(), EVP_sha256());
    SSL_CTX_use_certificate(context.native_handle(), certificate.get());
    SSL_CTX_use_PrivateKey(context.native_handle(), key.get());
    unsigned char* der = nullptr;
    const int length = i2d_PUBKEY(key.get(), &der);
    const Digest pin = sha256({der, static_cast<std::size_t>(length)});
    OPENSSL_free(der);
    return pin;
}

class Connection final : public ScriptedConnection {
  public:
    explicit Connection(websocket::stream<TlsStream>& socket) : socket_(socket) {}
    using ScriptedConnection::send;
    void send(const std::string& message) override { socket_.write(asio::buffer(message)); }
    std::string receive() override {
        beast::flat_buffer buffer;
        socket_.read(buffer);
        ++messages_;
        return beast::buffers_to_string(buffer.data());
    }
    void close() override { socket_.close(websocket::close_code::normal); }
    std::string binding() override {
        std::string bytes(32, '\0');
        SSL_export_keying_material(socket_.next_layer().native_handle(), reinterpret_cast<unsigned char*>(bytes.data()),
                                   32, link::kExporterLabel, std::strlen(link::kExporterLabel), nullptr, 0, 0);
        return bytes;
    }

  private:
    websocket::stream<TlsStream>& socket_;
};

}  // namespace

link::Received ScriptedConnection::next() {
    while (waiting_.empty()) {
        auto message = link::decode_message(receive());
        if (!message) throw std::runtime_error("the agent sent what does not decode: " + message.error().message());
        for (auto& one : message.value()) {
            const bool skip = std::holds_alternative<link::Progress>(one.envelope) ||
                              std::holds_alternative<link::Heartbeat>(one.envelope);
            if (!skip) waiting_.push_back(std::move(one));
        }
    }
    link::Received first = std::move(waiting_.front());
    waiting_.erase(waiting_.begin());
    return first;
}

link::Hello ScriptedConnection::shake_hands(const PublicKey& key, const link::Welcome& welcome,
                                            std::optional<std::uint64_t> granted) {
    const std::string nonce(32, 'n');
    link::Challenge challenge;
    challenge.proto = {link::kProtocolVersion};
    challenge.nonce = to_base64(as_bytes(nonce));
    send(challenge);
    auto hello = link::decode_hello(receive());
    if (!hello) throw std::runtime_error("no hello: " + hello.error().message());
    Signature signature{};
    std::memcpy(signature.data(), hello.value().signature.data(), signature.size());
    if (!verify_ed25519(key, as_bytes(link::hello_signing_input(nonce, binding(), hello.value().line)), signature)) {
        throw std::runtime_error("the hello's signature is not over this connection");
    }
    send(welcome);
    const auto ack = expect<link::WelcomeAck>();
    if (ack.join_counter != welcome.join_counter) throw std::runtime_error("another counter was confirmed");
    if (granted && ack.credit.upto_n != *granted) throw std::runtime_error("other credit was granted");
    return hello.value().hello;
}

struct ScriptedBroker::Inside {
    explicit Inside(BrokerOptions its = {}) : options(std::move(its)) {}

    BrokerOptions options;
    asio::io_context io;
    asio::ssl::context tls{asio::ssl::context::tls_server};
    tcp::acceptor acceptor{io, tcp::endpoint(asio::ip::make_address(options.address), options.port)};
    const std::uint16_t port = acceptor.local_endpoint().port();  // the thread closes the acceptor when it is done
    Digest pin = use_new_certificate(tls);
    std::string wrong;
    std::atomic<int> current = -1;  // the connection's descriptor
    std::promise<void> ended;
    std::thread thread;
    std::mutex accepting;

    /// A connection with TLS on it, or nothing where the agent refused.
    std::unique_ptr<TlsStream> accept() {
        std::unique_lock one_by_one(accepting);
        auto stream = std::make_unique<TlsStream>(acceptor.accept(), tls);
        one_by_one.unlock();
        current = beast::get_lowest_layer(*stream).native_handle();
        boost::system::error_code refused;
        stream->handshake(asio::ssl::stream_base::server, refused);
        if (refused) return nullptr;
        return stream;
    }

    void serve(const Script& script) {
        auto stream = accept();
        if (!stream) return;
        beast::flat_buffer buffer;
        http::request<http::string_body> request;
        boost::system::error_code gone;
        http::read(*stream, buffer, request, gone);
        if (gone) return;
        if (request.target() != link::kLinkPath || request[http::field::sec_websocket_protocol] != link::kSubprotocol) {
            throw std::runtime_error("the agent asked for another thing");
        }
        if (options.http_status != 101) {
            http::response<http::string_body> response(static_cast<http::status>(options.http_status), 11);
            if (!options.retry_after.empty()) response.set(http::field::retry_after, options.retry_after);
            response.prepare_payload();
            http::write(*stream, response, gone);
            return;
        }
        websocket::stream<TlsStream> socket(std::move(*stream));
        socket.set_option(websocket::stream_base::decorator([&](websocket::response_type& response) {
            if (!options.subprotocol.empty()) response.set(http::field::sec_websocket_protocol, options.subprotocol);
        }));
        socket.accept(request);
        Connection connection(socket);
        script(connection);
    }

    void answer(const HttpScript& script) {
        auto stream = accept();
        if (!stream) return;
        beast::flat_buffer buffer;
        http::request<http::string_body> request;
        http::read(*stream, buffer, request);
        const HttpReply reply = script(std::string(request.target()), request.body());
        if (reply.status == 0) return;
        http::response<http::string_body> response(static_cast<http::status>(reply.status), 11);
        for (const auto& [name, value] : reply.headers) response.set(name, value);
        response.body() = reply.body;
        response.prepare_payload();
        if (reply.is_cut) response.content_length(reply.body.size() + 1);
        boost::system::error_code gone;  // who has read enough may not wait for the rest
        http::write(*stream, response, gone);
        pollfd more{beast::get_lowest_layer(*stream).native_handle(), POLLIN, 0};
        const bool has_more = !gone && ::poll(&more, 1, kListensForMs) > 0;
        if (has_more && stream->read_some(buffer.prepare(1), gone) > 0) throw std::runtime_error("the agent went on");
    }

    void run_at_once(std::vector<Script> scripts) {
        thread = std::thread([this, scripts = std::move(scripts)] {
            std::vector<std::thread> threads;
            for (const auto& script : scripts) {
                threads.emplace_back([this, &script] {
                    try {
                        serve(script);
                    } catch (const std::exception&) {
                    }
                });
            }
            for (auto& one : threads) one.join();
            ended.set_value();
        });
    }

    template <class Scripts, class Step>
    void run(Scripts scripts, Step step) {
        thread = std::thread([this, scripts = std::move(scripts), step] {
            try {
                for (const auto& script : scripts) (this->*step)(script);
            } catch (const std::exception& error) {
                wrong = error.what();
            }
            boost::system::error_code ignored;
            acceptor.close(ignored);
            ended.set_value();
        });
    }
};

ScriptedBroker::ScriptedBroker(std::vector<Script> scripts, BrokerOptions options)
    : inside_(std::make_unique<Inside>(std::move(options))) {
    if (inside_->options.tls12) SSL_CTX_set_max_proto_version(inside_->tls.native_handle(), TLS1_2_VERSION);
    if (inside_->options.at_once)
        inside_->run_at_once(std::move(scripts));
    else
        inside_->run(std::move(scripts), &Inside::serve);
}

ScriptedBroker::ScriptedBroker(std::vector<HttpScript> scripts) : inside_(std::make_unique<Inside>()) {
    inside_->run(std::move(scripts), &Inside::answer);
}

ScriptedBroker::~ScriptedBroker() {
    finish();
}

Endpoint ScriptedBroker::endpoint() const {
    return {inside_->options.address, std::to_string(inside_->port), inside_->pin};
}

std::string ScriptedBroker::finish() {
    if (!inside_->thread.joinable()) return inside_->wrong;
    if (inside_->options.at_once ||
        inside_->ended.get_future().wait_for(std::chrono::seconds(10)) == std::future_status::timeout) {
        ::shutdown(inside_->current, SHUT_RDWR);
        ::shutdown(inside_->acceptor.native_handle(), SHUT_RDWR);
    }
    inside_->thread.join();
    return inside_->wrong;
}

}  // namespace edge::agent
