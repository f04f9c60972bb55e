// Envelopes of one message: decoded ones can be encoded, and decode to the same.
#include "protocol/link/envelopes.hpp"
#include "tests/fuzz/envelope_mutator.hpp"
#include "tests/fuzz/property.hpp"

using namespace edge;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto received = link::decode_message(fuzz::text_of(data, size));
    if (!received) return 0;
    for (const auto& [envelope, detail, bytes] : received.value()) {
        fuzz::demand(bytes > detail.size(), "a detail comes with a line");
        fuzz::demand(fuzz::nesting(detail) <= kDetailDepth, "a detail is one that the API can show");
        if (const auto* result = std::get_if<link::TaskResult>(&envelope))
            fuzz::demand(result->detail_bytes == detail.size(), "a detail is as long as its result says");
        if (std::holds_alternative<link::UnknownEnvelope>(envelope)) continue;
        const std::string written = link::encode_envelope(envelope, detail);
        if (written.size() > link::kMaxMessage) continue;  // escapes can be longer than what they stand for
        const auto again = link::decode_message(written);
        fuzz::demand(bool(again), "what was encoded can be decoded");
        fuzz::demand(again.value().size() == 1, "one envelope is one envelope");
        fuzz::demand(again.value()[0].bytes == written.size(), "credit counts what was written");
        fuzz::demand(link::encode_envelope(again.value()[0].envelope, again.value()[0].detail) == written,
                     "encoding it again changes nothing");
    }
    return 0;
}
