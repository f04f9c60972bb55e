#include "broker/http/problem.hpp"

#include <cerrno>

#include "protocol/json/bounded.hpp"

namespace edge::http {
namespace {

constexpr ProblemKind kKinds[] = {
    {Code::bad_request, "bad_request", 400, "The request is not HTTP as this server takes it"},
    {Code::bad_json, "bad_json", 400, "The body is not JSON"},
    {Code::bad_parameter, "bad_parameter", 400, "A query parameter or header is wrong"},
    {Code::unauthorized, "unauthorized", 401, "A valid token is needed"},
    {Code::denied, "denied", 403, "Not allowed"},
    {Code::not_found, "not_found", 404, "Nothing is here"},
    {Code::method_not_allowed, "method_not_allowed", 405, "The resource has no such method"},
    {Code::request_timeout, "request_timeout", 408, "The request took too long to arrive"},
    {Code::conflict, "conflict", 409, "It clashes with what is there"},
    {Code::too_large, "too_large", 413, "Too large"},
    {Code::unsupported_media_type, "unsupported_media_type", 415, "The body has the wrong type"},
    {Code::expectation_failed, "expectation_failed", 417, "The expectation cannot be met"},
    {Code::invalid_body, "invalid_body", 422, "The body says something that cannot be done"},
    {Code::no_match, "no_match", 422, "The selector matches no line"},
    {Code::not_lent, "not_lent", 422, "No chosen line may be asked for this"},
    {Code::idempotency_key_reused, "idempotency_key_reused", 422, "The Idempotency-Key was used with another body"},
    {Code::upgrade_required, "upgrade_required", 426, "This resource speaks WebSocket"},
    {Code::header_too_large, "header_too_large", 431, "The head of the request is too large"},
    {Code::too_many_tasks, "too_many_tasks", 429, "Too many tasks are open"},
    {Code::too_many_probes, "too_many_probes", 429, "The target was probed enough for now"},
    {Code::internal, "internal", 500, "The broker failed"},
    {Code::unavailable, "unavailable", 503, "Not available now"},
    {Code::insufficient_storage, "insufficient_storage", 507, "The broker's disk is full"},
};

Code code_of(Errc code) {
    switch (code) {
        case Errc::bad_syntax:
            return Code::bad_json;
        case Errc::bad_value:
            return Code::invalid_body;
        case Errc::too_large:
            return Code::too_large;
        case Errc::not_found:
            return Code::not_found;
        case Errc::conflict:
            return Code::conflict;
        case Errc::denied:
            return Code::denied;
        case Errc::unavailable:
        case Errc::timed_out:
            return Code::unavailable;
        default:
            return Code::internal;
    }
}

}  // namespace

std::span<const ProblemKind> problem_kinds() {
    return kKinds;
}

const ProblemKind& kind_of(Code code) {
    for (const auto& kind : kKinds) {
        if (kind.code == code) return kind;
    }
    return kind_of(Code::internal);
}

const ProblemKind& kind_named(std::string_view name) {
    for (const auto& kind : kKinds) {
        if (kind.name == name) return kind;
    }
    return kind_of(Code::internal);
}

Response problem_response(const Problem& problem, std::string_view instance, std::string_view request_id) {
    const ProblemKind& kind = kind_of(problem.code);
    Json body = {
        {"type", "urn:edge:problem:" + std::string(kind.name)}, {"title", kind.title}, {"status", kind.status}};
    if (!problem.detail.empty()) body["detail"] = problem.detail;
    if (!instance.empty()) body["instance"] = instance;
    body["code"] = kind.name;
    body["request_id"] = request_id;
    if (!problem.errors.empty()) {
        Json& errors = body["errors"] = Json::array();
        for (const auto& item : problem.errors)
            errors.push_back({{"pointer", item.pointer}, {"code", item.code}, {"message", item.message}});
    }
    return Response{kind.status, "application/problem+json", {}, dump_json(body)};
}

Problem problem_of(const Error& error) {
    const bool is_full = error.code == Errc::unavailable && (error.os_errno == ENOSPC || error.os_errno == EDQUOT);
    if (is_full) {
        return Problem{
            Code::insufficient_storage,
            "nothing new can be stored until there is space at the broker's [store] path; what is stored can be "
            "read, and no restart is needed"};
    }
    const Code code = code_of(error.code);
    if (code == Code::internal) return Problem{code, "see the broker's log for this request_id"};
    Problem problem{code, error.detail};
    if (code == Code::invalid_body) {
        problem.detail = error.where.empty() ? error.detail : error.where + ": " + error.detail;
        problem.errors.push_back({error.where, "bad_value", error.detail});
    }
    return problem;
}

}  // namespace edge::http
