#include <chrono>

#include "broker/api/authentication.hpp"
#include "broker/api/operations.hpp"
#include "protocol/rfc3339.hpp"

namespace edge::broker::api {

/// The body of POST /api/v1/session: one of the two.
struct SessionBody {
    static constexpr bool fields_have_defaults = true;
    std::optional<std::string> token;
    std::optional<std::string> code;
};
BOOST_DESCRIBE_STRUCT(SessionBody, (), (token, code))

namespace {

constexpr auto kThirtyDays = std::chrono::seconds(std::chrono::days(30));

std::string session_cookie(const Call& call, std::string_view token, std::chrono::seconds lasts) {
    std::string text(kSessionCookie);
    text.append("=").append(token).append("; HttpOnly; SameSite=Strict; Path=/; Max-Age=");
    text += std::to_string(lasts.count());
    if (came_by_tls(call.request, call.options->api_tls)) text += "; Secure";
    return text;
}

void refuse_sign_in(const Call& call, std::string detail) {
    call.refuse(http::Problem{http::Code::unauthorized, std::move(detail), {}},
                {{"WWW-Authenticate", "Bearer realm=\"edge\", error=\"invalid_token\""}});
}

}  // namespace

void create_session(CallPtr call) {
    const auto body = body_as<SessionBody>(*call);
    if (!body) return;
    if (body->token.has_value() == body->code.has_value())
        return call->refuse(Error{Errc::bad_value, "/", "expected either token or code"});
    std::optional<std::string> token = body->token;
    if (body->code) token = call->sign_in_codes->redeem(*body->code, std::chrono::steady_clock::now());
    if (!token) return refuse_sign_in(*call, "the sign-in link was used before, or is older than ten minutes");
    call->domain.authenticate(*token, [call, token = *token](const Result<Principal>& principal) {
        if (principal) return call->reply(204, {}, {{"Set-Cookie", session_cookie(*call, token, kThirtyDays)}});
        if (principal.error().code != Errc::denied) return call->refuse(principal.error());
        refuse_sign_in(*call, "the token is not of this broker, or no longer");
    });
}

void delete_session(CallPtr call) {
    call->reply(204, {}, {{"Set-Cookie", session_cookie(*call, "", std::chrono::seconds(0))}});
}

void get_session(CallPtr call) {
    const Json json = {{"token_id", call->principal.token.text()}, {"admin", call->principal.admin}};
    call->reply(200, dump_json(json));
}

void create_sign_in_code(CallPtr call) {
    if (!call->principal.admin)
        return call->refuse(http::Problem{http::Code::denied, "only an administrator's token makes sign-in codes", {}});
    const std::string code =
        call->sign_in_codes->issue(credentials_of(call->request).token, std::chrono::steady_clock::now());
    const auto until = std::chrono::system_clock::now().time_since_epoch() + SignInCodes::kLifetime;
    const auto until_us = std::chrono::duration_cast<std::chrono::microseconds>(until).count();
    std::string url = came_by_tls(call->request, call->options->api_tls) ? "https://" : "http://";
    url.append(call->request.header("host")).append("/#code=").append(code);
    const Json json = {{"code", code}, {"expires_at", rfc3339_ms(static_cast<WallTime>(until_us))}, {"url", url}};
    call->reply(201, dump_json(json));
}

}  // namespace edge::broker::api
