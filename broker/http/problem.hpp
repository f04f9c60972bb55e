// RFC 9457 problems: one table of codes (docs/errors.md explains each), one way to answer with one.
#pragma once
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "broker/http/http.hpp"
#include "protocol/result.hpp"

namespace edge::http {

enum class Code {
    bad_request,
    bad_json,
    bad_parameter,
    unauthorized,
    denied,
    not_found,
    method_not_allowed,
    request_timeout,
    conflict,
    too_large,
    unsupported_media_type,
    expectation_failed,
    invalid_body,
    no_match,
    not_lent,
    idempotency_key_reused,
    upgrade_required,
    header_too_large,
    too_many_tasks,
    too_many_probes,
    internal,
    unavailable,
    insufficient_storage,
};

struct ProblemKind {
    Code code;
    std::string_view name;  // "code" in the body, and the end of "type"
    int status;
    std::string_view title;
};
std::span<const ProblemKind> problem_kinds();
const ProblemKind& kind_of(Code code);
/// By name; `internal` when there is none of that name.
const ProblemKind& kind_named(std::string_view name);

struct ProblemItem {
    std::string pointer;  // JSON pointer into the body, or the parameter's name
    std::string code;
    std::string message;
};

struct Problem {
    Code code = Code::internal;
    std::string detail;
    std::vector<ProblemItem> errors{};
};

/// application/problem+json. `instance` is the request's path.
Response problem_response(const Problem& problem, std::string_view instance, std::string_view request_id);
inline Response problem_response(const Problem& problem, const Request& request) {
    return problem_response(problem, request.path, request.id);
}

/// What an Error of the domain or a decoder is to a client. `internal` and `io` keep their detail to the log.
Problem problem_of(const Error& error);

}  // namespace edge::http
