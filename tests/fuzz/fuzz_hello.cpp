// The one message that is read before anybody has proved who they are.
#include "protocol/link/envelopes.hpp"
#include "tests/fuzz/envelope_mutator.hpp"
#include "tests/fuzz/property.hpp"

using namespace edge;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view message = fuzz::text_of(data, size);
    const auto hello = link::decode_hello(message);
    if (!hello) return 0;
    fuzz::demand(message.starts_with(hello.value().line), "the line is what was sent");
    fuzz::demand(hello.value().signature.size() == 64, "a signature has 64 bytes");
    const auto again = link::decode_hello(link::encode_hello(hello.value().line, hello.value().signature));
    fuzz::demand(again && again.value().line == hello.value().line, "encoded again it is the same");
    return 0;
}
