#include "agent/link/dial.hpp"

#include <netinet/tcp.h>

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <charconv>

#include "agent/link/line_lookup.hpp"
#include "agent/link/pinned_tls.hpp"
#include "protocol/ip.hpp"

namespace edge::agent {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using tcp = asio::ip::tcp;

constexpr auto kToken = asio::as_tuple(asio::use_awaitable);
constexpr int kUnacknowledgedMs = 30'000;  // TCP_USER_TIMEOUT
constexpr std::size_t kMostAddresses = 4;  // that are tried over a line

void tune(tcp::socket& socket) {
    error_code ignored;
    socket.set_option(tcp::no_delay(true), ignored);
    socket.set_option(asio::socket_base::keep_alive(true), ignored);
    (void)::setsockopt(socket.native_handle(), IPPROTO_TCP, TCP_USER_TIMEOUT, &kUnacknowledgedMs,
                       sizeof kUnacknowledgedMs);
}

Error failed(const char* step, const error_code& error, const Carrier& carrier) {
    return {Errc::unavailable, {}, std::string(step) + ": " + (carrier.expired() ? "no answer" : error.message())};
}

bool no_answer(const error_code& error, const Carrier& carrier) {
    return carrier.expired() || is_silence(error);
}

std::uint16_t number_of(const std::string& port) {
    std::uint16_t number = 0;
    std::from_chars(port.data(), port.data() + port.size(), number);
    return number;
}

void put_first(std::vector<std::string>& addresses, const std::string& one) {
    const auto at = std::ranges::find(addresses, one);
    if (at != addresses.end()) std::rotate(addresses.begin(), at, at + 1);
}

/// As the host resolves and routes.
asio::awaitable<Result<>> connect_by_host(Carrier& carrier, std::string host, std::string port, Route route, Met& met) {
    std::vector<tcp::endpoint> peers;
    for (const auto& text : route.addresses.empty() ? std::vector{host} : route.addresses) {
        error_code not_an_address;
        const auto address = asio::ip::make_address(text, not_an_address);
        if (!not_an_address) peers.emplace_back(address, number_of(port));
    }
    if (peers.empty()) {
        tcp::resolver resolver(co_await asio::this_coro::executor);
        const auto [unknown, found] = co_await resolver.async_resolve(host, port, kToken);
        met.no_answer = unknown.failed();
        if (unknown) co_return failed("resolve", unknown, carrier);
        for (const auto& one : found) peers.push_back(one.endpoint());
    }
    for (const auto& peer : peers) met.addresses.push_back(peer.address().to_string());
    carrier.expires_after(route.each_step);
    const auto [refused, peer] = co_await asio::async_connect(carrier.lowest_layer(), peers, kToken);
    met.no_answer = refused && no_answer(refused, carrier);
    met.refused = refused == asio::error::connection_refused;
    if (refused) co_return failed("connect", refused, carrier);
    put_first(met.addresses, peer.address().to_string());
    co_return ok();
}

/// By the line's resolvers and sockets.
asio::awaitable<Result<>> connect_by_line(Carrier& carrier, std::string host, std::string port, Route route, Met& met) {
    Uplinks& uplinks = *route.uplinks;
    const LineName line = *route.line;
    met.no_answer = true;
    const auto known = uplinks.line(line);
    if (!known) co_return Error{Errc::unavailable, {}, "edge-launcher knows no such line, or is not there"};
    std::vector<IpAddress> addresses;
    for (const auto& text : route.addresses.empty() ? std::vector{host} : route.addresses)
        if (const auto literal = IpAddress::parse(text)) addresses.push_back(literal.value());
    if (addresses.empty()) {
        auto found = co_await look_up(uplinks, line, *known, host);
        if (!found) co_return Error{Errc::unavailable, {}, "resolve: " + found.error().detail};
        addresses = std::move(found.value());
    }
    for (const auto& address : addresses) met.addresses.push_back(address.text());
    std::erase_if(addresses, [&](const IpAddress& one) { return one.v6 ? !known->v6 : !known->v4; });
    if (addresses.size() > kMostAddresses) addresses.resize(kMostAddresses);
    Error last{Errc::unavailable, {}, "connect: the line has no address of the broker's family"};
    for (const auto& address : addresses) {
        auto socket = co_await open_socket(uplinks, line, address.v6, SocketKind::tcp);
        if (!socket) {
            last = {Errc::unavailable, {}, socket.error().detail};
            continue;
        }
        carrier.close();
        carrier.expires_after(route.each_step);
        carrier.lowest_layer().assign(address.v6 ? tcp::v6() : tcp::v4(), socket.value().release());
        const tcp::endpoint peer(asio::ip::make_address(address.text()), number_of(port));
        const auto [refused] = co_await carrier.lowest_layer().async_connect(peer, kToken);
        if (!refused) {
            put_first(met.addresses, address.text());
            met.no_answer = false;
            co_return ok();
        }
        met.no_answer = no_answer(refused, carrier);
        met.refused = refused == asio::error::connection_refused;
        last = failed("connect", refused, carrier);
    }
    co_return last;
}

asio::awaitable<Result<>> tunnel(Carrier& carrier, Proxy proxy, std::string authority,
                                 std::chrono::milliseconds each_step) {
    asio::ssl::context context(asio::ssl::context::tls_client);  // the stream on it keeps what it needs
    if (proxy.tls) {
        error_code ignored;
        context.set_default_verify_paths(ignored);
        context.set_verify_mode(asio::ssl::verify_peer);
        auto& tls = carrier.proxy_tls(context);
        tls.set_verify_callback(asio::ssl::host_name_verification(proxy.host));
        prepare_handshake(tls.native_handle(), proxy.host);
        carrier.expires_after(each_step);
        const auto [broken] = co_await tls.async_handshake(asio::ssl::stream_base::client, kToken);
        if (broken) co_return Error{Errc::unavailable, {}, "TLS to the proxy: " + broken.message()};
    }
    const std::string request = connect_request(proxy, authority);
    carrier.expires_after(each_step);
    const auto [unsent, sent] = co_await asio::async_write(carrier, asio::buffer(request), kToken);
    if (unsent) co_return failed("proxy", unsent, carrier);
    std::string answer(kMostProxyAnswer, '\0');
    std::size_t size = 0;
    while (true) {
        const auto room = asio::buffer(answer.data() + size, answer.size() - size);
        const auto [lost, got] = co_await carrier.async_read_some(room, kToken);
        if (lost) co_return failed("proxy", lost, carrier);
        size += got;
        if (const auto verdict = proxy_answer({answer.data(), size})) {
            if (!*verdict)
                co_return Error{Errc::unavailable, {}, verdict->error().where + ": " + verdict->error().detail};
            co_return ok();
        }
    }
}

}  // namespace

bool is_silence(const error_code& error) {
    return error == asio::error::timed_out || error == asio::error::host_unreachable ||
           error == asio::error::network_unreachable || error == asio::error::network_down;
}

asio::awaitable<Result<>> dial(Carrier& carrier, Endpoint to, Route route, Met& met) {
    const std::string host = route.proxy ? route.proxy->host : to.host;
    const std::string port = route.proxy ? route.proxy->port : to.port;
    carrier.expires_after(route.each_step);
    Result<> connected = ok();
    if (route.line)
        connected = co_await connect_by_line(carrier, host, port, route, met);
    else
        connected = co_await connect_by_host(carrier, host, port, route, met);
    if (!connected && route.proxy) connected = Error{connected.error().code, {}, "proxy: " + connected.error().detail};
    if (!connected) co_return connected;
    tune(carrier.lowest_layer());
    if (!route.proxy) co_return ok();
    co_return co_await tunnel(carrier, *route.proxy, to.authority(), route.each_step);
}

}  // namespace edge::agent
