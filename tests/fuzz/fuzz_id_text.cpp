// Ids, names and the codings under them: text that is taken is one value, and that value one text.
#include "protocol/ids.hpp"
#include "tests/fuzz/property.hpp"

using namespace edge;

namespace {

template <class T>
void check_one_text(std::string_view text) {
    if (const auto parsed = T::parse(text)) fuzz::demand(parsed.value().text() == text, "one value, one text");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text = fuzz::text_of(data, size);
    check_one_text<NodeId>(text);
    check_one_text<RunId>(text);
    check_one_text<SpoolId>(text);
    check_one_text<LineName>(text);
    if (const auto bytes = from_hex(text)) fuzz::demand(to_hex(*bytes) == text, "hex is canonical");
    if (const auto bytes = from_base64(text)) fuzz::demand(to_base64(*bytes) == text, "base64 is canonical");
    Uuid bytes{};
    if (from_base32(text, bytes)) fuzz::demand(to_base32(bytes) == text, "base32 is canonical");
    const Bytes given(data, data + size);
    fuzz::demand(from_base64(to_base64(given)) == given, "base64 brings every byte back");
    fuzz::demand(from_hex(to_hex(given)) == given, "hex brings every byte back");
    return 0;
}
