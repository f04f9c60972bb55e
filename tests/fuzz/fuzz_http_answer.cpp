// Status line, headers and Location of a hostile HTTP server: what is kept of it fits a frame, and a redirect leads to
// one host and port of http or https, whoever reads it.
#include "probes/http/kept_answer.hpp"
#include "probes/http/redirect.hpp"
#include "probes/http/response_head.hpp"
#include "protocol/json/described.hpp"
#include "protocol/worker/frames.hpp"
#include "tests/fuzz/property.hpp"

using namespace edge;
using namespace edge::probes;

namespace {

ResponseHead head_of(std::string_view text, const ResponseHead::Limits& limits) {
    ResponseHead head(limits);
    while (!text.empty()) {
        const auto end = std::min(text.find('\n'), text.size() - 1) + 1;
        if (head.add(text.substr(0, end)) != ResponseHead::Verdict::fine) break;
        text.remove_prefix(end);
        fuzz::demand(head.headers().size() <= limits.lines, "no more headers than are kept");
        fuzz::demand(head.bytes() <= limits.bytes, "no more bytes than are kept");
    }
    return head;
}

void check_what_is_kept(const ResponseHead& head, std::string_view body) {
    HttpDetail detail;
    HttpHop& hop = detail.hops.emplace_back();
    hop.reason = head.reason();
    hop.headers = head.headers();
    KeptAnswer().trim(hop);
    KeptAnswer::keep_body(body, detail);
    fuzz::demand(!detail.body || !detail.body_b64, "a body is kept once");
    fuzz::demand(body.empty() || detail.body || detail.body_b64, "a body is kept");
    if (detail.body) fuzz::demand(body.starts_with(*detail.body), "text is kept as it came");
    if (detail.body_b64) fuzz::demand(from_base64(*detail.body_b64) == Bytes(body.begin(), body.end()), "or its bytes");
    const std::string text = dump_json(encode(detail));
    fuzz::demand(text.size() < worker::kMaxFrame, "a report fits a frame");
    fuzz::demand(bool(check_json(text, JsonLimits{.depth = kDetailDepth})), "the broker takes it");
}

void check_where_it_leads(const std::string& location) {
    static const Url base = parse_url("https://www.lab.test/a/b?c").value();
    const HttpRequest current{base, HttpMethod::POST, {{"Cookie", "a"}, {"X-Own", "b"}}, "body"};
    const auto next = next_request(current, 302, location);
    if (!next) return;
    const Url& url = next.value().url;
    fuzz::demand(url.text.starts_with(url.is_https ? "https://" : "http://"), "no other scheme");
    fuzz::demand(!url.host.empty() && url.port != 0, "a URL has a host and a port");
    fuzz::demand(url.text.find_first_of(std::string_view(" \r\n\0", 4)) == std::string::npos, "a URL ends no line");
    const auto again = parse_url(url.text);
    fuzz::demand(again && again.value().host == url.host && again.value().port == url.port,
                 "what is vetted is what is sent");
    fuzz::demand(url.same_origin(base) == (next.value().headers.size() == 2), "a cookie stays with its origin");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text = fuzz::text_of(data, size);
    head_of(text, {.lines = 4, .bytes = 256, .interim = 2});
    const ResponseHead head = head_of(text, {});
    check_what_is_kept(head, text);
    check_where_it_leads(std::string(text));
    for (const auto& [name, value] : head.headers()) check_where_it_leads(value);
    return 0;
}
