// Both bodies of POST /edge/v1/enroll.
#include "protocol/link/envelopes.hpp"
#include "tests/fuzz/property.hpp"

using namespace edge;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view body = fuzz::text_of(data, size);
    if (const auto request = link::decode_enroll_request(body)) {
        link::enroll_signing_input(request.value().token, request.value().public_key);
        const std::string written = link::encode_enroll_request(request.value());
        if (written.size() <= 16 * 1024)
            fuzz::demand(bool(link::decode_enroll_request(written)), "encoded it can be decoded");
    }
    if (const auto reply = link::decode_enroll_reply(body)) {
        fuzz::demand(bool(link::decode_enroll_reply(link::encode_enroll_reply(reply.value()))),
                     "encoded it can be decoded");
    }
    return 0;
}
