// Answer heads and Locations from the network: what a redirect leads to is http(s), one host, one port, and no spelling
// of an address gets past the policy.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "probes/http/kept_answer.hpp"
#include "probes/http/redirect.hpp"
#include "probes/http/response_head.hpp"
#include "probes/policy/target_policy.hpp"
#include "protocol/json/described.hpp"

using namespace edge;
using namespace edge::probes;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const Url base = parse_url("https://www.lab.test/a/b?c").value();
    const std::string text(reinterpret_cast<const char*>(data), size);
    ResponseHead head;
    for (std::size_t begin = 0; begin < text.size();) {
        const std::size_t end = std::min(text.find('\n', begin), text.size() - 1) + 1;
        if (head.add(std::string_view(text).substr(begin, end - begin)) != ResponseHead::Verdict::fine) break;
        begin = end;
    }
    HttpHop hop;
    hop.reason = head.reason();
    hop.headers = head.headers();
    KeptAnswer kept;
    kept.trim(hop);
    HttpDetail detail;
    KeptAnswer::keep_body(text.substr(0, 65'536), detail);
    detail.hops.push_back(hop);
    if (dump_json(encode(detail)).size() > 256 * 1024) std::abort();

    const auto location = redirect_location(head.status(), head.headers()).value_or(text.substr(0, 8192));
    const auto next = next_request(HttpRequest{base, HttpMethod::GET, {}, {}}, 302, location);
    if (!next) return 0;
    const Url& url = next.value().url;
    if (!url.text.starts_with("http://") && !url.text.starts_with("https://")) std::abort();
    if (url.host.empty() || url.port == 0 || url.text.find_first_of(" \r\n") != std::string::npos) std::abort();
    const auto again = parse_url(url.text);  // what libcurl will be given reads as the same place
    if (!again || again.value().host != url.host || again.value().port != url.port) std::abort();
    return 0;
}
