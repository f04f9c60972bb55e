#include "broker/gateway/gateway.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>

#include "broker/gateway/echo.hpp"
#include "broker/gateway/websocket_channel.hpp"
#include "broker/http/problem.hpp"
#include "broker/http/text.hpp"
#include "broker/http/websocket_request.hpp"
#include "protocol/crypto/keys.hpp"
#include "protocol/json/described.hpp"

namespace edge::broker::gateway {
namespace {

constexpr std::size_t kConnections = 20'000;
constexpr std::size_t kUnknown = 512;    // that have not shown who they are: two seconds' work of a slow machine
constexpr std::size_t kPerAddress = 64;  // of those

template <class Bytes>
bool fill(Bytes& out, const std::string& base64) {
    const auto bytes = from_base64(base64);
    if (!bytes || bytes->size() != out.size()) return false;
    std::copy(bytes->begin(), bytes->end(), out.begin());
    return true;
}

void enroll(const http::Request& request, const std::shared_ptr<http::Exchange>& exchange, Domain& domain,
            const std::string& console_url) {
    auto checked = checked_enroll_request(request.body);
    const auto refuse = [exchange, peer = request.peer, path = request.path, id = request.id](const Error& error) {
        const http::Problem problem = http::problem_of(error);
        spdlog::warn("gateway.enroll_refused peer={} code={} detail=\"{}\" request_id={}", peer, name(error.code),
                     http::for_log(error.detail), id);
        exchange->reply(http::problem_response(problem, path, id));
    };
    if (!checked) return refuse(checked.error());
    const std::string peer = request.peer;
    domain.enroll({std::move(checked.value()), peer},
                  [exchange, refuse, peer, console_url](Result<link::EnrollReply> reply) {
                      if (!reply) return refuse(reply.error());
                      spdlog::info("gateway.enrolled node={} name={} peer={}", reply.value().node_id.text(),
                                   reply.value().name.text(), peer);
                      if (!console_url.empty()) reply.value().console_url = console_url;
                      exchange->reply({200, "application/json", {}, link::encode_enroll_reply(reply.value())});
                  });
}

void handle(http::Request request, std::shared_ptr<http::Exchange> exchange, Domain& domain, Polls& polls,
            const std::string& console_url) {
    using http::Code;
    const auto answer = [&](http::Problem problem, http::Headers headers) {
        auto response = http::problem_response(problem, request);
        response.headers = std::move(headers);
        exchange->reply(std::move(response));
    };
    if (request.path == link::kEnrollPath) {
        if (request.method == "POST") return enroll(request, exchange, domain, console_url);
        return answer({Code::method_not_allowed, "POST an enrolment", {}}, {{"Allow", "POST"}});
    }
    if (request.path == link::kLinkPath) {
        if (request.method != "GET")
            return answer({Code::method_not_allowed, "GET, as a WebSocket", {}}, {{"Allow", "GET"}});
        return answer({Code::upgrade_required, "this is a WebSocket; only agents speak here", {}},
                      {{"Upgrade", "websocket"}});
    }
    if (request.path == link::kPollPath) {
        const bool known = request.method == "GET" || request.method == "POST" || request.method == "DELETE";
        if (known) return polls.handle(std::move(request), std::move(exchange));
        return answer({Code::method_not_allowed, "GET, POST or DELETE", {}}, {{"Allow", "GET, POST, DELETE"}});
    }
    if (request.path == kEchoPath) {
        if (request.method == "GET") return exchange->reply(echo(request));
        return answer({Code::method_not_allowed, "GET it", {}}, {{"Allow", "GET"}});
    }
    answer({Code::not_found, "this is the agents' gateway; the API listens elsewhere", {}}, {});
}

}  // namespace

std::optional<http::Response> refuse_upgrade(const http::Request& request) {
    using http::Code;
    if (request.path != link::kLinkPath)
        return http::problem_response({Code::not_found, "agents connect to /edge/v1/link", {}}, request);
    return http::objection_to_websocket(request, link::kSubprotocol);
}

Result<link::EnrollRequest> checked_enroll_request(std::string_view body) {
    EDGE_TRY(auto request, link::decode_enroll_request(body));
    PublicKey key{};
    Signature signature{};
    if (!fill(key, request.public_key)) return Error{Errc::bad_value, "/public_key", "expected base64 of 32 bytes"};
    if (!fill(signature, request.signature)) return Error{Errc::bad_value, "/signature", "expected base64 of 64 bytes"};
    const std::string input =
        link::enroll_signing_input(request.token, {reinterpret_cast<const char*>(key.data()), key.size()});
    if (!verify_ed25519(key, as_bytes(input), signature))
        return Error{Errc::denied, "/signature", "is not by the key that is to be enrolled"};
    return request;
}

http::Settings gateway_settings(http::ListenAddress listen, std::shared_ptr<boost::asio::ssl::context> tls,
                                SessionOptions options, Domain& domain, std::shared_ptr<Polls> polls) {
    http::Settings settings;
    settings.name = "gateway";
    settings.listen = listen;
    settings.tls = std::move(tls);
    settings.requests.body_bytes = link::kMaxMessage;
    settings.deadlines.idle = std::chrono::milliseconds(10'000);
    settings.deadlines.body = std::chrono::milliseconds(10'000);
    settings.deadlines.of_known =
        std::chrono::milliseconds(60'000);  // a message over a slow uplink; beyond a heartbeat
    settings.connections = kConnections;
    settings.unknown = kUnknown;
    settings.per_address = kPerAddress;
    settings.handler = [polls, &domain, console_url = options.console_url](http::Request request,
                                                                           std::shared_ptr<http::Exchange> exchange) {
        handle(std::move(request), std::move(exchange), domain, *polls, console_url);
    };
    settings.on_drain = [polls] { polls->drain(); };
    settings.refuse_upgrade = refuse_upgrade;
    settings.upgrade = [options, &domain](http::Upgraded& upgraded) {
        start_websocket_session(std::move(upgraded), options, domain);
    };
    return settings;
}

}  // namespace edge::broker::gateway
