// The operator's prefix file, in pieces of any size: the first byte says how large.
#include "agent/health/prefix_lines.hpp"
#include "tests/fuzz/property.hpp"

using namespace edge;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text = fuzz::text_of(data, size);
    if (text.empty()) return 0;
    const std::vector<IpAddress> wanted{IpAddress::parse("203.0.113.7").value(),
                                        IpAddress::parse("2001:db8::7").value()};
    const std::size_t piece = 1 + static_cast<std::uint8_t>(text.front()) % 64;
    agent::PrefixLines whole("p", wanted), parts("p", wanted);
    whole.push(text.substr(1));
    whole.finish();
    for (std::string_view rest = text.substr(1); !rest.empty(); rest.remove_prefix(std::min(piece, rest.size())))
        parts.push(rest.substr(0, piece));
    parts.finish();
    fuzz::demand(whole.found() == parts.found(), "pieces find what the whole finds");
    fuzz::demand(whole.problems().size() == parts.problems().size(), "and complain of the same");
    return 0;
}
