// What the one door lets in can be written, and read again as the same.
#include "protocol/json/bounded.hpp"
#include "tests/fuzz/property.hpp"

using namespace edge;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text = fuzz::text_of(data, size);
    const bool is_fine = bool(check_json(text));
    const auto parsed = parse_json(text);
    fuzz::demand(bool(parsed) == is_fine, "check_json and parse_json agree");
    if (!parsed) return 0;
    fuzz::demand(fuzz::nesting(text) <= JsonLimits{}.depth, "what is let in is not deep");
    fuzz::demand(text.find('\0') == std::string_view::npos, "nor has it a NUL");
    const std::string written = dump_json(parsed.value());
    const auto again = parse_json(written, JsonLimits{.bytes = 2 * 1024 * 1024});
    fuzz::demand(bool(again), "what was written is JSON");
    fuzz::demand(dump_json(again.value()) == written, "writing it again changes nothing");
    return 0;
}
