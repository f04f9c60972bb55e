// Addresses and prefixes: text that is taken is one value, and that value one text.
#include "protocol/ip.hpp"
#include "tests/fuzz/property.hpp"

using namespace edge;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text = fuzz::text_of(data, size);
    if (const auto address = IpAddress::parse(text)) {
        const auto again = IpAddress::parse(address.value().text());
        fuzz::demand(again && again.value() == address.value(), "an address comes back from its text");
    }
    const auto prefix = IpPrefix::parse(text);
    if (!prefix) return 0;
    const auto again = IpPrefix::parse(prefix.value().text());
    fuzz::demand(again && again.value() == prefix.value(), "a prefix comes back from its text");
    fuzz::demand(prefix.value().contains(prefix.value().address), "a prefix holds its own first address");
    IpAddress other = prefix.value().address;
    const unsigned width = other.v6 ? 128 : 32;
    if (prefix.value().length < width) {
        other.bytes[width / 8 - 1] ^= 1;
        fuzz::demand(prefix.value().contains(other), "host bits do not matter");
    }
    if (prefix.value().length > 0) {
        other.bytes[0] ^= 0x80;
        fuzz::demand(!prefix.value().contains(other), "the first bit does");
    }
    return 0;
}
