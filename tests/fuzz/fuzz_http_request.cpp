// The head of a request, its path and its query, before any library sees them.
#include "broker/http/precheck.hpp"
#include "broker/http/router.hpp"
#include "broker/http/text.hpp"
#include "tests/fuzz/property.hpp"

using namespace edge;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text = fuzz::text_of(data, size);
    const auto end = text.find("\r\n\r\n");  // a head goes as far as its empty line, if it has one
    const std::string_view head = end == std::string_view::npos ? text : text.substr(0, end + 4);
    if (const auto refusal = http::precheck(head)) {
        fuzz::demand(refusal->status >= 400 && refusal->status < 600 && !refusal->code.empty(),
                     "a refusal has a status and a code");
    } else {
        fuzz::demand(head.find('\0') == std::string_view::npos, "no NUL passes");
        fuzz::demand(head.ends_with("\r\n\r\n"), "a head ends with an empty line");
    }
    if (const auto decoded = http::percent_decode(text)) {
        fuzz::demand(decoded->find('\0') == std::string::npos, "no NUL comes out of an escape");
    }
    if (const auto query = http::parse_query(text)) {
        for (const auto& [name, value] : query.value())
            fuzz::demand(http::is_field_value(name) && http::is_field_value(value), "no control comes out of a query");
    }
    for (const auto* pattern : {"/api/v1/runs/{id}/tasks", "/{a}/{b}"}) {
        const auto parameters = text.starts_with('/') ? http::match_path(pattern, text) : std::nullopt;
        if (!parameters) continue;
        for (const std::string& value : *parameters)
            fuzz::demand(!value.empty() && value.find('/') == std::string::npos, "a parameter is one segment");
    }
    const std::string logged = http::for_log(text);
    fuzz::demand(logged.size() <= 203, "a log line has a bound");
    for (const char c : logged) fuzz::demand(c >= 0x20 && c < 0x7f, "a log line is plain");
    return 0;
}
