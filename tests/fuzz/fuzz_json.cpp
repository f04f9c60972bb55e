// What the one door lets in can be written, and read again as the same.
#include "protocol/json/bounded.hpp"
#include "tests/fuzz/property.hpp"

using namespace edge;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text = fuzz::text_of(data, size);
    const bool is_fine = bool(check_json(text));
    const auto parsed = parse_json(text);
    fuzz::demand(bool(parsed) == is_fine, "check_json and parse_json agree");
    // What is refused for what it is, and not for its size, is no JSON to nlohmann's reader either; those two see a text
    // end at a NUL, and begin behind a byte order mark.
    const bool is_odd = text.find('\0') != std::string_view::npos || text.starts_with("\xef\xbb\xbf");
    if (!parsed && parsed.error().code == Errc::bad_syntax && !is_odd)
        fuzz::demand(!Json::accept(text), "nlohmann's reader refuses what is no JSON");
    if (!parsed) return 0;
    fuzz::demand(Json::parse(text, nullptr, false) == parsed.value(), "nlohmann's reader reads the same");
    fuzz::demand(fuzz::nesting(text) <= JsonLimits{}.depth, "what is let in is not deep");
    fuzz::demand(text.find('\0') == std::string_view::npos, "nor has it a NUL");
    const std::string written = dump_json(parsed.value());
    const auto again = parse_json(written, JsonLimits{.bytes = 2 * 1024 * 1024});
    fuzz::demand(bool(again), "what was written is JSON");
    fuzz::demand(dump_json(again.value()) == written, "writing it again changes nothing");
    return 0;
}
