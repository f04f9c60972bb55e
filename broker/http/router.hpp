// Paths to operations: patterns with {names}, matched segment by segment. Pure.
#pragma once
#include <array>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace edge::http {

using PathParameters = std::vector<std::string>;

/// The values of the pattern's {names}, in order. `path` is already percent-decoded; a {name} takes no empty segment.
std::optional<PathParameters> match_path(std::string_view pattern, std::string_view path);

/// What a path and a method lead to, in a table of rows with `method` and `pattern`. HEAD goes where GET does.
template <class Row>
struct Routed {
    const Row* row = nullptr;
    PathParameters parameters;
    std::string allow;  // when the path is there but not the method: what goes into Allow
};

template <class Row>
Routed<Row> route(std::span<const Row> table, std::string_view method, std::string_view path) {
    Routed<Row> routed;
    const std::string_view wanted = method == "HEAD" ? std::string_view("GET") : method;
    for (const Row& row : table) {
        auto parameters = match_path(row.pattern, path);
        if (!parameters) continue;
        if (row.method == wanted) return {&row, std::move(*parameters), {}};
        routed.allow += (routed.allow.empty() ? "" : ", ") + std::string(row.method);
        if (row.method == "GET") routed.allow += ", HEAD";
    }
    return routed;
}

}  // namespace edge::http
