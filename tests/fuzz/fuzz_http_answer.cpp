// Status line, headers and Location of a hostile HTTP server.
#include "probes/http/response_head.hpp"
#include "probes/http/url.hpp"
#include "tests/fuzz/property.hpp"

using namespace edge;
using probes::ResponseHead;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string_view text = fuzz::text_of(data, size);
    const ResponseHead::Limits limits{.lines = 16, .bytes = 1024, .interim = 2};
    ResponseHead head(limits);
    const auto base = probes::parse_url("https://www.lab.test/a/b?c=d");
    fuzz::demand(bool(base), "the base is a URL");
    while (!text.empty()) {
        const auto end = std::min(text.find('\n'), text.size() - 1) + 1;
        if (head.add(text.substr(0, end)) != ResponseHead::Verdict::fine) return 0;
        text.remove_prefix(end);
        fuzz::demand(head.headers().size() <= limits.lines, "no more headers than are kept");
    }
    for (const auto& [name, value] : head.headers()) {
        const auto url = probes::resolve_url(base.value(), value);
        if (!url) continue;
        fuzz::demand(!url.value().host.empty() && url.value().port != 0, "a URL has a host and a port");
        const auto again = probes::parse_url(url.value().text);
        fuzz::demand(again && again.value().host == url.value().host && again.value().port == url.value().port,
                     "what is vetted is what is sent");
    }
    return 0;
}
