// One request to the API on its way through an operation.
#pragma once
#include <charconv>
#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "broker/api/api.hpp"
#include "broker/api/sign_in_codes.hpp"
#include "broker/domain/domain.hpp"
#include "broker/http/http.hpp"
#include "broker/http/problem.hpp"
#include "broker/http/router.hpp"
#include "protocol/json/described.hpp"

namespace edge::broker::api {

struct Call {
    Domain& domain;
    std::shared_ptr<const ApiOptions> options;           // owners: the handler and its calls
    std::shared_ptr<SignInCodes> sign_in_codes;          // the same
    std::shared_ptr<prometheus::Prometheus> prometheus;  // the same
    http::Request request;
    http::PathParameters path;
    std::map<std::string, std::string> query;
    Principal principal{};
    std::shared_ptr<http::Exchange> exchange;  // owners: this call and whoever answers it

    void reply(int status, std::string json, http::Headers headers = {}) const;
    void refuse(http::Problem problem, http::Headers headers = {}) const;
    void refuse(const Error& error) const;
};
/// Owners: the callbacks that wait for the domain.
using CallPtr = std::shared_ptr<Call>;

/// Answers 403 itself; `what` only an administrator's token does.
bool is_admin(const Call& call, std::string_view what);

/// A reply for the domain that carries its value to the connection's thread, where `then` makes JSON of it; errors
/// become problems on the way.
template <class T, class Then>
Reply<T> when_known(CallPtr call, Then then) {
    return [call = std::move(call), then = std::move(then)](Result<T> result) {
        if (!result) return call->refuse(result.error());
        call->exchange->post(
            [call, then, value = std::move(result.value())]() mutable { then(*call, std::move(value)); });
    };
}

/// The id in the path. Answers 404 itself when it is none: nothing can be there.
template <class Id>
std::optional<Id> id_in_path(const Call& call) {
    auto id = Id::parse(call.path.at(0));
    if (id) return id.value();
    call.refuse(http::Problem{http::Code::not_found, id.error().detail, {}});
    return std::nullopt;
}

/// All of `text`, in decimal digits.
template <class Number>
std::optional<Number> number(std::string_view text) {
    Number value = 0;
    const auto [stop, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (failed != std::errc{} || stop != text.data() + text.size()) return std::nullopt;
    return value;
}

/// `limit` and `cursor`. Answers 400 itself.
std::optional<PageRequest> page_in_query(const Call& call);

inline constexpr std::size_t kMostBody = 1024 * 1024;

/// The body's JSON, behind its limits. Errors: bad_syntax, too_large, bad_value; unsupported (its Content-Type).
Result<Json> json_body(const http::Request& request, const JsonLimits& limits = {.bytes = kMostBody});

/// The body as T, strictly. Answers the problem itself, as `explained` has it.
template <class T>
std::optional<T> body_as(const Call& call, Error (*explained)(Error) = nullptr,
                         const JsonLimits& limits = {.bytes = kMostBody}) {
    auto json = json_body(call.request, limits);
    if (!json) {
        if (json.error().code == Errc::unsupported) {
            call.refuse(http::Problem{http::Code::unsupported_media_type, json.error().detail, {}});
        } else {
            call.refuse(json.error());
        }
        return std::nullopt;
    }
    auto body = decode<T>(json.value(), UnknownFields::reject);
    if (body) return std::move(body.value());
    call.refuse(explained ? explained(body.error()) : body.error());
    return std::nullopt;
}

/// Seconds of `Prefer: wait=N`, at most 120; 0 without it. Source: RFC 7240 section 4.3.
std::uint32_t preferred_wait(const http::Request& request);

}  // namespace edge::broker::api
