// A stranger's bytes on a person's terminal.
#include "cli/show/text.hpp"
#include "protocol/json/bounded.hpp"
#include "tests/fuzz/property.hpp"

using namespace edge;

namespace {

bool drives_a_terminal(std::string_view text) {
    for (std::size_t i = 0; i < text.size(); ++i) {
        const auto c = static_cast<unsigned char>(text[i]);
        const bool is_c1 = c == 0xc2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xa0;
        if (c < 0x20 || c == 0x7f || is_c1) return true;
    }
    return false;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::string_view text = fuzz::text_of(data + 1, size - 1);
    const std::string safe = cli::printable(text);
    fuzz::demand(!drives_a_terminal(safe), "nothing that a terminal obeys comes through");
    fuzz::demand(cli::printable(safe) == safe, "safe text stays as it is");
    fuzz::demand(bool(check_json(dump_json(Json(safe)), JsonLimits{.bytes = size * 8 + 64})), "safe text is UTF-8");
    const std::size_t columns = data[0] % 40;
    fuzz::demand(cli::display_width(cli::cut(safe, columns)) <= columns, "a cut fits");
    fuzz::demand(cli::display_width(cli::pad(safe, columns, cli::Align::left)) >= columns, "a pad fills");
    if (const auto json = parse_json(text)) {
        const std::string shown = cli::printable_json(dump_json(json.value()));
        fuzz::demand(!drives_a_terminal(shown), "JSON drives no terminal either");
        const auto again = parse_json(shown, JsonLimits{.bytes = size * 8 + 64});
        fuzz::demand(again && again.value() == json.value(), "and is the same JSON");
    }
    return 0;
}
