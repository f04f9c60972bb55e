// The strict look at a request's head, before Beast sees it. Pure.
// Beast 1.81 takes `Transfer-Encoding: xchunked` as "no body", Transfer-Encoding on HTTP/1.0, folded lines, repeated
// lengths and a missing or second Host (measured); behind a proxy that reads them otherwise, each smuggles a request.
#pragma once
#include <optional>
#include <string>
#include <string_view>

namespace edge::http {

/// Why a request is refused before any handler sees it; the connection closes after the answer.
struct Refusal {
    int status = 400;
    std::string code;    // docs/errors.md
    std::string detail;  // one sentence
};

/// `head`: from the request line to the empty line, both included. Empty: nothing against it.
std::optional<Refusal> precheck(std::string_view head);

}  // namespace edge::http
