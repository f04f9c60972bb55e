// The params of a job, as users and the link bring them.
#include "protocol/probes/spec.hpp"
#include "tests/fuzz/property.hpp"

using namespace edge;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    constexpr Service kServices[] = {Service::dns, Service::http, Service::ping};
    const auto json = parse_json(fuzz::text_of(data + 1, size - 1));
    if (!json) return 0;
    const auto spec = decode_spec(kServices[data[0] % 3], json.value());
    if (!spec) {
        fuzz::demand(spec.error().where.starts_with("/params"), "an error says where");
        return 0;
    }
    longest_run_ms(spec.value());
    const Json encoded = encode_spec(spec.value());
    const auto again = decode_spec(service_of(spec.value()), encoded);
    fuzz::demand(again && encode_spec(again.value()) == encoded, "encoded it is the same spec");
    if (const auto* http = std::get_if<HttpSpec>(&spec.value())) {
        for (const auto& [name, value] : http->headers) {
            fuzz::demand((name + value).find_first_of(std::string_view("\r\n\0", 3)) == std::string::npos,
                         "no header holds another");
        }
        fuzz::demand(http->target.find_first_of(std::string_view(" \r\n\0", 4)) == std::string::npos,
                     "no URL ends its line");
    }
    return 0;
}
