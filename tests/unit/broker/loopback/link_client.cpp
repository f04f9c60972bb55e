#include "link_client.hpp"

#include <openssl/ssl.h>
#include <sys/socket.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/websocket.hpp>
#include <boost/beast/websocket/ssl.hpp>
#include <stdexcept>

namespace edge::broker::test {

namespace asio = boost::asio;
namespace websocket = boost::beast::websocket;
using boost::system::error_code;
using TlsStream = asio::ssl::stream<asio::ip::tcp::socket>;

struct LinkClient::Inner {
    asio::io_context io;
    asio::ssl::context context{asio::ssl::context::tls_client};
    std::unique_ptr<websocket::stream<TlsStream>> ws;

    TlsStream& tls() { return ws->next_layer(); }
};

LinkClient::LinkClient(std::uint16_t port, Tls tls) : inner_(std::make_unique<Inner>()) {
    if (tls == Tls::v1_2) SSL_CTX_set_max_proto_version(inner_->context.native_handle(), TLS1_2_VERSION);
    inner_->ws = std::make_unique<websocket::stream<TlsStream>>(inner_->io, inner_->context);
    auto& socket = inner_->tls().next_layer();
    socket.connect({asio::ip::address_v4::loopback(), port});
    const timeval limit{10, 0};
    ::setsockopt(socket.native_handle(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    ::setsockopt(socket.native_handle(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    socket.set_option(asio::ip::tcp::no_delay(true));
    inner_->tls().handshake(asio::ssl::stream_base::client);
}

LinkClient::~LinkClient() = default;

int LinkClient::upgrade(const std::string& path, const std::string& subprotocol) {
    inner_->ws->set_option(websocket::stream_base::decorator([&](websocket::request_type& request) {
        if (!subprotocol.empty()) request.set(boost::beast::http::field::sec_websocket_protocol, subprotocol);
    }));
    inner_->ws->text(true);
    websocket::response_type response;
    error_code failed;
    inner_->ws->handshake(response, "127.0.0.1", path, failed);
    if (!failed && response[boost::beast::http::field::sec_websocket_protocol] != subprotocol)
        throw std::runtime_error("another subprotocol");
    return static_cast<int>(response.result_int());
}

std::vector<link::Envelope> LinkClient::read() {
    boost::beast::flat_buffer buffer;
    error_code failed;
    inner_->ws->read(buffer, failed);
    if (failed) return {};
    const auto data = buffer.cdata();
    auto received = link::decode_message({static_cast<const char*>(data.data()), data.size()});
    if (!received) throw std::runtime_error(received.error().message());
    std::vector<link::Envelope> envelopes;
    for (auto& one : received.value()) envelopes.push_back(std::move(one.envelope));
    return envelopes;
}

void LinkClient::write(const std::string& text) {
    error_code ignored;  // the broker may have closed; read() tells
    inner_->ws->text(true);
    inner_->ws->write(asio::buffer(text), ignored);
}

void LinkClient::write_binary(const std::string& bytes) {
    error_code ignored;
    inner_->ws->binary(true);
    inner_->ws->write(asio::buffer(bytes), ignored);
}

int LinkClient::close_code() const {
    return inner_->ws->reason().code;
}

void LinkClient::drop() {
    error_code ignored;
    inner_->tls().next_layer().close(ignored);
}

void LinkClient::close() {
    error_code ignored;
    inner_->ws->close(websocket::close_code::normal, ignored);
}

std::string LinkClient::exporter() {
    std::string key(32, '\0');
    SSL_export_keying_material(inner_->tls().native_handle(), reinterpret_cast<unsigned char*>(key.data()), key.size(),
                               link::kExporterLabel, std::char_traits<char>::length(link::kExporterLabel), nullptr, 0,
                               0);
    return key;
}

std::string LinkClient::signed_hello(const SigningKey& key, const NodeId& node, const std::string& nonce) {
    hello.node_id = node;
    const std::string line = link::encode_envelope(hello);
    const auto raw = from_base64(nonce).value();
    const std::string input =
        link::hello_signing_input({reinterpret_cast<const char*>(raw.data()), raw.size()}, exporter(), line);
    const Signature signature = key.sign(as_bytes(input));
    return link::encode_hello(line, {reinterpret_cast<const char*>(signature.data()), signature.size()});
}

link::Envelope LinkClient::join(const SigningKey& key, const NodeId& node) {
    const auto challenge = read();
    write(signed_hello(key, node, std::get<link::Challenge>(challenge.at(0)).nonce));
    auto answer = read();
    if (const auto* welcome = std::get_if<link::Welcome>(&answer.at(0)))
        write(link::WelcomeAck{welcome->join_counter, {100, 1 << 20}});
    return answer.at(0);
}

std::string LinkClient::post(const std::string& path, const std::string& body) {
    const std::string request =
        "POST " + path +
        " HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: " +
        std::to_string(body.size()) + "\r\n\r\n" + body;
    error_code failed;
    asio::write(inner_->tls(), asio::buffer(request), failed);
    std::string text;
    std::array<char, 4096> bytes{};
    while (!failed) text.append(bytes.data(), inner_->tls().read_some(asio::buffer(bytes), failed));
    return text;
}

}  // namespace edge::broker::test
