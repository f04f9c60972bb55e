// The head of a request, its path and its query, before any library sees them.
#include "broker/http/precheck.hpp"
#include "broker/http/text.hpp"
#include "tests/fuzz/property.hpp"

using namespace edge;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text = fuzz::text_of(data, size);
    if (const auto refusal = http::precheck(text)) {
        fuzz::demand(refusal->status >= 400 && refusal->status < 600 && !refusal->code.empty(),
                     "a refusal has a status and a code");
    } else {
        fuzz::demand(text.find('\0') == std::string_view::npos, "no NUL passes");
        fuzz::demand(text.ends_with("\r\n\r\n"), "a head ends with an empty line");
    }
    if (const auto decoded = http::percent_decode(text)) {
        fuzz::demand(decoded->find('\0') == std::string::npos, "no NUL comes out of an escape");
    }
    http::parse_query(text);
    const std::string logged = http::for_log(text);
    fuzz::demand(logged.size() <= 203, "a log line has a bound");
    for (const char c : logged) fuzz::demand(c >= 0x20 && c < 0x7f, "a log line is plain");
    return 0;
}
