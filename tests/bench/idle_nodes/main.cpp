// Many nodes that do nothing but be there, in one process: joined, and answering the broker's heartbeats.
//   idle-nodes keys FIRST COUNT                       their public keys, a line of hex each
//   idle-nodes join HOST PORT PIN|plain FIRST COUNT   until standard input ends; `joined N MS` when all are there for
//   the first time,
//                                                     `back N MS…` when all are again, with what each took since it
//                                                     lost the broker
// Node k has the id and the key of the number k. PIN is base64, as in identity.json; `plain`: a gateway without TLS.
#include <algorithm>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/websocket.hpp>
#include <boost/beast/websocket/ssl.hpp>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "agent/link/backoff.hpp"
#include "agent/link/endpoint.hpp"
#include "agent/link/hello.hpp"
#include "agent/link/pinned_tls.hpp"
#include "protocol/link/envelopes.hpp"

namespace {

namespace asio = boost::asio;
namespace websocket = boost::beast::websocket;
using asio::ip::tcp;
using boost::system::error_code;
using Clock = std::chrono::steady_clock;
using Milliseconds = std::chrono::milliseconds;

constexpr std::size_t kAtOnce = 48;  // of those that come for the first time

edge::Uuid number_bytes(std::uint64_t number) {
    edge::Uuid bytes{};
    for (std::size_t i = 0; i < 8; ++i) bytes[15 - i] = static_cast<std::uint8_t>(number >> (8 * i));
    return bytes;
}

edge::SigningKey key_of(std::uint64_t number) {
    const auto bytes = number_bytes(number);
    return std::move(edge::SigningKey::from_secret(edge::sha256(bytes)).value());
}

struct Node {
    std::uint64_t number = 0;
    std::uint64_t counter = 1;
    Clock::time_point lost{};
    Milliseconds window{};  // of a goaway
    bool is_there = false;
};

class Fleet {
  public:
    Fleet(asio::io_context& io, tcp::endpoint broker, std::optional<edge::Digest> pin, std::uint64_t first,
          std::size_t count)
        : io_(io), broker_(std::move(broker)), slots_(io), began_(Clock::now()) {
        if (pin) tls_.emplace(*pin);
        slots_.expires_at(Clock::time_point::max());
        for (std::size_t i = 0; i < count; ++i) nodes_.push_back({.number = first + i});
    }

    void start() {
        for (Node& node : nodes_) {
            asio::co_spawn(io_, live(node), [](const std::exception_ptr& failed) {
                if (failed) std::rethrow_exception(failed);
            });
        }
    }

  private:
    asio::awaitable<void> live(Node& node) {
        edge::agent::Backoff backoff(Milliseconds(30'000), node.number);
        asio::steady_timer wait(io_);
        bool is_first = true;
        for (;;) {
            const bool joined = co_await one_session(node, is_first);
            if (joined) {
                node.lost = Clock::now();
                node.is_there = false;
                if (there_-- == nodes_.size()) took_.clear();
            }
            is_first = is_first && !joined;
            const Milliseconds pause = node.window.count() > 0
                                           ? backoff.uniform(Milliseconds(0), std::exchange(node.window, {}))
                                       : is_first ? Milliseconds(100)
                                       : joined   ? backoff.after_session(Clock::now())
                                                  : backoff.after_failure();
            wait.expires_after(pause);
            co_await wait.async_wait(asio::use_awaitable);
        }
    }

    asio::awaitable<void> slot() {
        while (dialling_ >= kAtOnce) {
            error_code ignored;
            auto token = asio::redirect_error(asio::use_awaitable, ignored);
            co_await slots_.async_wait(token);
        }
        ++dialling_;
    }

    void free_slot() {
        --dialling_;
        slots_.cancel_one();
    }

    asio::awaitable<bool> one_session(Node& node, bool is_first) {
        // The first time all come as fast as the broker takes them; after that as agents do.
        if (is_first) co_await slot();
        if (!is_first) ++dialling_;
        error_code failed;
        auto token = asio::redirect_error(asio::use_awaitable, failed);
        // A machine each: the broker counts by address who has not shown yet who he is.
        const asio::ip::address_v4 own(0x7f010000U + static_cast<std::uint32_t>(node.number));
        tcp::socket socket(io_, tcp::endpoint(own, 0));
        co_await socket.async_connect(broker_, token);
        bool joined = false;
        if (!failed && tls_) {
            websocket::stream<asio::ssl::stream<tcp::socket>, false> ws(std::move(socket), tls_->context());
            co_await ws.next_layer().async_handshake(asio::ssl::stream_base::client, token);
            if (!failed)
                joined = co_await speak(node, ws, edge::agent::export_binding(ws.next_layer().native_handle()));
        } else if (!failed) {
            websocket::stream<tcp::socket, false> ws(std::move(socket));
            joined = co_await speak(node, ws, std::string());
        }
        if (!joined) free_slot();
        co_return joined;
    }

    /// Until the session ends; was the node ever in?
    template <class Stream>
    asio::awaitable<bool> speak(Node& node, Stream& ws, std::string binding) {
        error_code failed;
        auto token = asio::redirect_error(asio::use_awaitable, failed);
        ws.set_option(websocket::stream_base::decorator([](websocket::request_type& request) {
            request.set(boost::beast::http::field::sec_websocket_protocol, edge::link::kSubprotocol);
        }));
        ws.text(true);
        const std::string host = "127.0.0.1";
        const std::string path = edge::link::kLinkPath;
        co_await ws.async_handshake(host, path, token);
        boost::beast::flat_buffer buffer;
        bool joined = false;
        while (!failed) {
            co_await ws.async_read(buffer, token);
            if (failed) break;
            const std::string_view text(static_cast<const char*>(buffer.cdata().data()), buffer.size());
            std::string answer;
            auto message = edge::link::decode_message(text);
            if (!message) break;
            for (const auto& one : message.value()) answer += answer_to(node, one.envelope, binding);
            buffer.consume(buffer.size());
            if (answer.empty()) continue;
            const auto bytes = asio::buffer(answer);
            co_await ws.async_write(bytes, token);
            if (!failed && !joined && node.is_there) {
                joined = true;
                free_slot();
                ++there_;
                if (node.lost != Clock::time_point{}) took_.push_back(Clock::now() - node.lost);
                if (there_ == nodes_.size()) tell();
            }
        }
        co_return joined;
    }

    std::string answer_to(Node& node, const edge::link::Envelope& envelope, const std::string& binding) {
        using namespace edge::link;
        if (const auto* challenge = std::get_if<Challenge>(&envelope)) {
            Hello hello;
            hello.node_id = edge::NodeId{number_bytes(node.number)};
            hello.agent_version = "0.1.0";
            hello.boot_id = edge::to_base32(number_bytes(node.number));
            hello.join_counter = node.counter;
            hello.spool_id = edge::SpoolId{number_bytes(node.number)};
            const auto nonce = edge::from_base64(challenge->nonce);
            if (!nonce) return {};
            return edge::agent::signed_hello(hello, key_of(node.number), {nonce->begin(), nonce->end()}, binding);
        }
        if (const auto* welcome = std::get_if<Welcome>(&envelope)) {
            node.counter = welcome->join_counter;
            node.is_there = true;
            return encode_envelope(
                WelcomeAck{.join_counter = node.counter, .credit = Credit{.upto_n = 0, .bytes = 4096}});
        }
        if (const auto* goaway = std::get_if<Goaway>(&envelope)) node.window = Milliseconds(goaway->window_ms);
        if (const auto* heartbeat = std::get_if<Heartbeat>(&envelope); heartbeat && !heartbeat->echo_us)
            return encode_envelope(Heartbeat{.at_us = heartbeat->at_us, .echo_us = heartbeat->at_us});
        return {};
    }

    void tell() {
        const auto ms = [](Clock::duration took) { return std::chrono::duration_cast<Milliseconds>(took).count(); };
        if (took_.empty()) {
            std::printf("joined %zu %lld\n", there_, static_cast<long long>(ms(Clock::now() - began_)));
        } else {
            std::printf("back %zu", took_.size());
            for (const auto took : took_) std::printf(" %lld", static_cast<long long>(ms(took)));
            std::printf("\n");
        }
        std::fflush(stdout);
    }

    asio::io_context& io_;
    tcp::endpoint broker_;
    std::optional<edge::agent::PinnedTls> tls_;
    asio::steady_timer slots_;
    Clock::time_point began_;
    std::vector<Node> nodes_;
    std::vector<Clock::duration> took_;
    std::size_t dialling_ = 0;
    std::size_t there_ = 0;
};

std::uint64_t number(const char* text) {
    std::uint64_t value = 0;
    std::from_chars(text, text + std::strlen(text), value);
    return value;
}

int keys(std::uint64_t first, std::uint64_t count) {
    for (std::uint64_t k = first; k < first + count; ++k) {
        const edge::SigningKey key = key_of(k);
        for (const std::uint8_t byte : key.public_key()) std::printf("%02x", byte);
        std::printf("\n");
    }
    return 0;
}

int join(char** argv) {
    asio::io_context io(1);
    const tcp::endpoint broker(asio::ip::make_address(argv[2]), static_cast<std::uint16_t>(number(argv[3])));
    std::optional<edge::Digest> pin;
    if (std::strcmp(argv[4], "plain") != 0) {
        auto parsed = edge::agent::parse_pin(argv[4]);
        if (!parsed) return std::fprintf(stderr, "idle-nodes: %s\n", parsed.error().message().c_str()), 64;
        pin = parsed.value();
    }
    Fleet fleet(io, broker, pin, number(argv[5]), number(argv[6]));
    fleet.start();
    asio::posix::stream_descriptor input(io, 0);
    input.async_wait(asio::posix::stream_descriptor::wait_read, [&io](error_code) { io.stop(); });
    io.run();
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc == 4 && std::strcmp(argv[1], "keys") == 0) return keys(number(argv[2]), number(argv[3]));
    if (argc == 7 && std::strcmp(argv[1], "join") == 0) return join(argv);
    std::fprintf(stderr, "usage: idle-nodes keys FIRST COUNT | join HOST PORT PIN|plain FIRST COUNT\n");
    return 64;
}
