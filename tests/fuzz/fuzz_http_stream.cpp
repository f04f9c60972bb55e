// The bytes of a connection, cut anywhere: the same requests come out, and what is refused is refused for good.
#include <algorithm>

#include "broker/http/request_reader.hpp"
#include "broker/http/text.hpp"
#include "tests/fuzz/property.hpp"

using namespace edge;
using http::RequestReader;

namespace {

constexpr http::RequestLimits kLimits{.head_bytes = 512, .body_bytes = 256};

void check(const http::Request& request) {
    fuzz::demand(http::is_token(request.method), "a method is a token");
    fuzz::demand(request.path.starts_with('/') && request.path.find('\0') == std::string::npos, "a path is a path");
    fuzz::demand(request.body.size() <= kLimits.body_bytes, "a body has a bound");
    int hosts = 0;
    for (const auto& [name, value] : request.headers) {
        hosts += name == "host" ? 1 : 0;
        fuzz::demand(http::is_token(name) && http::lower(name) == name, "a header's name is a token in lower case");
        fuzz::demand(http::is_field_value(value), "a header holds no other");
    }
    fuzz::demand(hosts <= 1, "a request is to one host");
}

std::string told(std::string_view bytes, std::size_t step) {
    RequestReader reader(kLimits);
    std::string all;
    while (!bytes.empty()) {
        auto state = reader.feed(bytes.substr(0, step));
        bytes.remove_prefix(std::min(step, bytes.size()));
        while (state == RequestReader::State::complete) {
            const http::Request request = reader.take();
            check(request);
            all += request.method + " " + request.path + "?" + request.query + "\n";
            for (const auto& [name, value] : request.headers) all += name + ":" + value + "\n";
            all += request.body + "\n";
            state = reader.state();
        }
        if (state == RequestReader::State::refused) {
            fuzz::demand(reader.refusal().status >= 400 && reader.refusal().status < 600, "a refusal has a status");
            return all + "refused " + std::to_string(reader.refusal().status);
        }
    }
    return all;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::string_view bytes = fuzz::text_of(data + 1, size - 1);
    const std::size_t step = data[0] % 64 + 1u;
    const std::string whole = told(bytes, bytes.size() + 1);
    std::string cut = told(bytes, step);
    // A chunk's end is looked at when as many bytes are there as a last chunk has: a refusal may wait for so many more.
    if (cut != whole && whole.starts_with(cut)) cut = told(std::string(bytes) + "?????", step);
    fuzz::demand(cut == whole, "requests are the same however the stream is cut");
    return 0;
}
