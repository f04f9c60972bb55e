#include "agent/link/enroll.hpp"

#include <algorithm>

#include "protocol/json/described.hpp"
#include "protocol/link/envelopes.hpp"

namespace edge::agent {
namespace {

constexpr int kTries = 3;  // for a reply that was lost; each is answered alike

/// The `detail` of an RFC 9457 problem, without what a terminal would obey.
std::string detail_of(const HttpAnswer& answer) {
    const auto json = parse_json(answer.body, JsonLimits{.bytes = 16 * 1024});
    std::string text;
    if (json && json.value().is_object() && json.value().contains("detail") && json.value()["detail"].is_string()) {
        text = json.value()["detail"].get<std::string>().substr(0, 300);
    }
    for (char& c : text) {
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = ' ';
    }
    return text.empty() ? "it answered HTTP " + std::to_string(answer.status) : text;
}

/// It is shown at a terminal: what is no plain URL is none.
std::optional<std::string> shown_url(const std::optional<std::string>& told) {
    const auto is_plain = [](unsigned char c) { return c > 0x20 && c < 0x7F; };
    const bool is_url = told && (told->starts_with("https://") || told->starts_with("http://")) && told->size() <= 256;
    return is_url && std::ranges::all_of(*told, is_plain) ? told : std::nullopt;
}

/// Only these say that the broker knows neither token nor key, and will not: docs/protocol.md, Enrolment. After any
/// other answer it may have enrolled the key, or do so when it is asked again.
bool is_refusal(unsigned status) {
    return status == 401 || status == 403 || status == 409 || status == 422;
}

Result<link::EnrollReply> understood(const HttpAnswer& answer) {
    if (answer.status == 200 || answer.status == 201) {
        auto reply = link::decode_enroll_reply(answer.body);
        if (reply) return reply;
        return Error{Errc::denied, "the broker", "its answer is not one of an edge-broker: " + reply.error().message()};
    }
    if (answer.status == 429 || answer.status >= 500) return Error{Errc::unavailable, "the broker", detail_of(answer)};
    if (is_refusal(answer.status)) return Error{Errc::denied, "refused", detail_of(answer)};
    return Error{Errc::denied, "the broker", detail_of(answer) + "; is that the URL of an edge-broker's gateway?"};
}

std::string request_body(const EnrollOrder& order, const SigningKey& key) {
    const PublicKey& public_key = key.public_key();
    const std::string public_bytes(public_key.begin(), public_key.end());
    const std::string signed_part = link::enroll_signing_input(order.token, public_bytes);
    link::EnrollRequest request;
    request.token = order.token;
    request.public_key = to_base64(public_key);
    request.signature = to_base64(key.sign(as_bytes(signed_part)));
    request.name = order.name;
    request.labels = order.labels;
    request.agent_version = EDGE_VERSION;
    return link::encode_enroll_request(request);
}

/// Of an enrolment whose reply was lost, or a new one. One that was cut short behind the reply is known by either file.
Result<SigningKey> pending_key(Disk& state, const char* file) {
    for (const char* one : {kEnrolKeyFile, file}) {
        auto key = load_key(state, one);
        if (key || key.error().code != Errc::not_found) return key;
    }
    SigningKey key = SigningKey::generate();
    EDGE_TRY(save_key(state, key, file));
    return key;
}

Result<HttpAnswer> ask(const Endpoint& endpoint, const std::string& body, const Post& post) {
    Result<HttpAnswer> answer = Error{};
    bool lost_once = false;
    for (int i = 0; i < kTries; ++i) {
        answer = post(endpoint, link::kEnrollPath, body);
        if (answer || answer.error().code != Errc::io) break;
        lost_once = true;
    }
    // It may have been heard by then, whatever the last try met.
    if (!answer && lost_once && answer.error().code == Errc::unavailable)
        answer = Error{Errc::io, answer.error().where, answer.error().detail};
    return answer;
}

}  // namespace

Result<Identity> enroll(Disk& state, const EnrollOrder& order, const Post& post, const SetAside& set_aside) {
    EDGE_TRY(auto endpoint, parse_broker_url(order.url));
    EDGE_TRY(auto token, parse_join_token(order.token));
    endpoint.pin = token.pin;
    const auto known = load_identity(state);
    const bool is_there = known || known.error().code != Errc::not_found;
    if (is_there && !order.replace) {
        const std::string who = known ? "this node is already " + known.value().name.text() + " at " + known.value().url
                                      : "there is an identity already";
        return Error{Errc::conflict, kIdentityFile,
                     who +
                         "; to join anew, stop the agent and say the same with --replace: what it has not delivered "
                         "is kept"};
    }
    const char* file = is_there ? kEnrolKeyFile : kKeyFile;  // the key that is there is good until the broker answers
    EDGE_TRY(auto key, pending_key(state, file));
    const auto answer = ask(endpoint, request_body(order, key), post);
    auto reply = answer ? understood(answer.value()) : Result<link::EnrollReply>(answer.error());
    if (!reply) {
        Error why = reply.error();
        if (answer && is_refusal(answer.value().status)) {
            EDGE_TRY(state.remove(file));
        }
        if (!answer && why.code == Errc::denied)
            why.detail += "; is " + order.url +
                          " the broker that made the token? If its key is another one since then, make a new token: "
                          "edgectl token create";
        if (why.code == Errc::io || why.code == Errc::unavailable)
            why.detail += "; the key is kept, try again with the same command";
        return why;
    }
    const Identity identity{reply.value().node_id,
                            reply.value().name,
                            order.url,
                            pin_text(token.pin),
                            {},
                            shown_url(reply.value().console_url)};
    const bool is_the_same = known && known.value().node_id == identity.node_id;
    if (is_there && !is_the_same && set_aside) {
        EDGE_TRY(set_aside(known ? &known.value() : nullptr));
    }
    EDGE_TRY(save_key(state, key));
    for (const char* of_the_old_key : {kCounterFile, kNextKeyFile, kOldKeyFile, kKeyMadeFile}) {
        EDGE_TRY(state.remove(of_the_old_key));
    }
    EDGE_TRY(save_identity(state, identity));
    EDGE_TRY(state.remove(kEnrolKeyFile));
    return identity;
}

}  // namespace edge::agent
