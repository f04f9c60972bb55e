#include "cli/api/problem.hpp"

#include "protocol/json/described.hpp"

namespace edge::cli {

struct ProblemItem {
    static constexpr bool fields_have_defaults = true;
    std::string pointer;
    std::string code;
    std::string message;
};
BOOST_DESCRIBE_STRUCT(ProblemItem, (), (pointer, code, message))

struct Problem {
    static constexpr bool fields_have_defaults = true;
    std::string title;
    std::string detail;
    std::string code;
    std::string request_id;
    std::vector<ProblemItem> errors;
};
BOOST_DESCRIBE_STRUCT(Problem, (), (title, detail, code, request_id, errors))

namespace {

ExitCode exit_of(int status, std::string_view code) {
    if (code == "no_match" || code == "not_lent") return ExitCode::no_match;
    switch (status) {
        case 400:
        case 422:
            return ExitCode::usage;
        case 401:
        case 403:
            return ExitCode::auth;
        case 404:
            return ExitCode::not_found;
        case 409:
        case 412:
        case 428:
            return ExitCode::conflict;
        default:
            return ExitCode::error;
    }
}

std::string next_for(ExitCode exit, int status, std::string_view code) {
    switch (exit) {
        case ExitCode::auth:
            return "EDGE_TOKEN or EDGE_TOKEN_FILE must hold a token of this broker; `edge-broker init` printed the "
                   "first";
        case ExitCode::no_match:
            return code == "no_match" ? "`edgectl get lines` shows what there is" : "";
        case ExitCode::not_found:
            return "`edgectl get nodes`, `get lines`, `get runs`, `get jobs` show what there is";
        default:
            return status == 503 || status == 429 ? "try again in a moment" : "";
    }
}

}  // namespace

Trouble trouble_of(int status, std::string_view body) {
    Problem problem;
    if (const auto json = parse_json(body)) {
        if (auto decoded = decode<Problem>(json.value(), UnknownFields::ignore)) problem = std::move(decoded.value());
    }
    Trouble trouble;
    trouble.exit = exit_of(status, problem.code);
    trouble.what = !problem.detail.empty()  ? problem.detail
                   : !problem.title.empty() ? problem.title
                                            : "the broker answered with status " + std::to_string(status);
    for (const auto& item : problem.errors) {
        if (item.message.empty() || trouble.what.find(item.message) != std::string::npos) continue;
        trouble.what += "; " + item.pointer + ": " + item.message;
    }
    trouble.next = next_for(trouble.exit, status, problem.code);
    trouble.request_id = problem.request_id;
    return trouble;
}

}  // namespace edge::cli
