#include "protocol/link/envelopes.hpp"

#include <algorithm>

#include "protocol/crypto/keys.hpp"
#include "protocol/json/text.hpp"

namespace edge::link {
namespace {

template <class T>
struct Wire {
    const char* type;
};

// One row an envelope: its C++ type and its name on the wire.
template <class Visit>
bool for_each_type(Visit visit) {
    return visit(Wire<Challenge>{"challenge"}) || visit(Wire<Hello>{"hello"}) || visit(Wire<Welcome>{"welcome"}) ||
           visit(Wire<Reject>{"reject"}) || visit(Wire<WelcomeAck>{"welcome_ack"}) || visit(Wire<Task>{"task"}) ||
           visit(Wire<CancelTask>{"cancel"}) || visit(Wire<PlanSet>{"plan_set"}) ||
           visit(Wire<PlanDrop>{"plan_drop"}) || visit(Wire<PlanReset>{"plan_reset"}) || visit(Wire<WorkAck>{"wack"}) ||
           visit(Wire<TaskResult>{"res"}) || visit(Wire<ResultAck>{"rack"}) || visit(Wire<Credit>{"credit"}) ||
           visit(Wire<Progress>{"prog"}) || visit(Wire<Lines>{"lines"}) || visit(Wire<Policy>{"policy"}) ||
           visit(Wire<Facts>{"facts"}) || visit(Wire<Heartbeat>{"hb"}) || visit(Wire<Goaway>{"goaway"}) ||
           visit(Wire<RotateKey>{"rotate_key"}) || visit(Wire<NewKey>{"new_key"}) ||
           visit(Wire<KeyTaken>{"key_taken"}) || visit(Wire<Pins>{"pins"}) || visit(Wire<ProtocolError>{"error"});
}

Result<Envelope> decode_envelope(Json json) {
    const auto type_at = json.is_object() ? json.find("t") : json.end();
    if (!json.is_object() || type_at == json.end() || !type_at->is_string())
        return Error{Errc::bad_value, "/t", "missing"};
    const std::string type = *type_at;
    Result<Envelope> result = Error{Errc::bad_value, "/t", "unknown"};
    const bool known = for_each_type([&]<class T>(Wire<T> wire) {
        if (type != wire.type) return false;
        auto decoded = decode<T>(std::move(json), UnknownFields::ignore);
        if (decoded) {
            result = Envelope(std::move(decoded.value()));
        } else {
            result = decoded.error();
        }
        return true;
    });
    if (!known) {
        const auto must = json.find("must");
        result = Envelope(UnknownEnvelope{type.substr(0, 32), must != json.end() && *must == true});
    }
    return result;
}

/// Cuts the next line off; the last one needs no newline.
std::string_view take_line(std::string_view& rest) {
    const auto end = rest.find('\n');
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    return line;
}

template <class T>
Result<T> decode_body(std::string_view body) {
    EDGE_TRY(auto json, parse_json(body, JsonLimits{.bytes = 16 * 1024}));
    return decode<T>(json, UnknownFields::ignore);
}

std::string text_of(const Digest& digest) {
    return {digest.begin(), digest.end()};
}

}  // namespace

std::string encode_envelope(const Envelope& envelope, std::string_view detail) {
    std::string text;
    for_each_type([&]<class T>(Wire<T> wire) {
        const T* one = std::get_if<T>(&envelope);
        if (!one) return false;
        text.append("{\"t\":\"").append(wire.type).push_back('"');
        write_members(text, *one, false);
        text.push_back('}');
        return true;
    });
    if (!detail.empty()) text.append("\n").append(detail);
    return text;
}

Result<std::vector<Received>> decode_message(std::string_view message) {
    if (message.size() > kMaxMessage) return Error{Errc::too_large, {}, "a message above 256 KiB"};
    std::vector<Received> all;
    // An envelope is large where it stands, and moving it costs as much as reading it. A message may be of empty lines.
    constexpr std::ptrdiff_t kMostReserved = 128;
    const auto lines = std::count(message.begin(), message.end(), '\n') + 1;
    all.reserve(static_cast<std::size_t>(std::min(lines, kMostReserved)));
    while (!message.empty()) {
        const std::string_view line = take_line(message);
        EDGE_TRY(auto json, parse_json(line, JsonLimits{.bytes = kMaxMessage}));
        EDGE_TRY(auto envelope, decode_envelope(std::move(json)));
        Received received{std::move(envelope), {}, line.size()};
        if (const auto* result = std::get_if<TaskResult>(&received.envelope); result && result->detail_bytes > 0) {
            const std::string_view detail = take_line(message);
            if (detail.size() != result->detail_bytes)
                return Error{Errc::bad_value, "/detail_bytes", "differs from the line that follows"};
            EDGE_TRY(check_json(detail, JsonLimits{.bytes = kMaxMessage, .depth = kDetailDepth}));
            received.detail = detail;
            received.bytes += 1 + detail.size();
        }
        all.push_back(std::move(received));
    }
    return all;
}

Result<SignedHello> decode_hello(std::string_view message) {
    if (message.size() > 64 * 1024) return Error{Errc::too_large, {}, "a hello above 64 KiB"};
    const std::string_view line = take_line(message);
    EDGE_TRY(auto json, parse_json(line));
    EDGE_TRY(auto envelope, decode_envelope(std::move(json)));
    auto* hello = std::get_if<Hello>(&envelope);
    if (!hello) return Error{Errc::bad_value, "/t", "expected hello"};
    EDGE_TRY(auto tail, parse_json(take_line(message), JsonLimits{.bytes = 256}));
    if (!message.empty()) return Error{Errc::bad_syntax, {}, "more than a hello and its signature"};
    const auto sig = tail.is_object() ? tail.find("sig") : tail.end();
    if (!tail.is_object() || sig == tail.end() || !sig->is_string()) return Error{Errc::bad_value, "/sig", "missing"};
    const auto signature = from_base64(sig->get_ref<const std::string&>());
    if (!signature || signature->size() != 64) return Error{Errc::bad_value, "/sig", "expected base64 of 64 bytes"};
    return SignedHello{std::move(*hello), std::string(line), std::string(signature->begin(), signature->end())};
}

std::string encode_hello(std::string_view hello_line, std::string_view signature) {
    return std::string(hello_line) + "\n{\"sig\":\"" + to_base64(as_bytes(signature)) + "\"}";
}

std::string hello_signing_input(std::string_view nonce, std::string_view exporter, std::string_view hello_line) {
    std::string input = "edge-hello-v1";
    input.append(nonce).append(exporter).append(text_of(sha256(as_bytes(hello_line))));
    return input;
}

std::string enroll_signing_input(std::string_view token, std::string_view public_key) {
    std::string input = "edge-enroll-v1";
    input.append(text_of(sha256(as_bytes(token)))).append(public_key);
    return input;
}

std::string new_key_signing_input(const NodeId& node, std::string_view public_key) {
    return ("edge-new-key-v1" + node.text()).append(public_key);
}

Result<EnrollRequest> decode_enroll_request(std::string_view body) {
    return decode_body<EnrollRequest>(body);
}
std::string encode_enroll_request(const EnrollRequest& request) {
    return json_text(request);
}
Result<EnrollReply> decode_enroll_reply(std::string_view body) {
    return decode_body<EnrollReply>(body);
}
std::string encode_enroll_reply(const EnrollReply& reply) {
    return json_text(reply);
}

}  // namespace edge::link
