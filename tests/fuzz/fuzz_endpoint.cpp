// The broker's URL, a pin and a join token as a person pastes them.
#include "agent/link/endpoint.hpp"
#include "tests/fuzz/property.hpp"

using namespace edge;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text = fuzz::text_of(data, size);
    if (const auto endpoint = agent::parse_broker_url(text)) {
        const std::string authority = endpoint.value().authority();
        fuzz::demand(authority.find_first_of(std::string_view("\r\n \0/", 5)) == std::string::npos,
                     "a host ends no header");
        const auto again = agent::parse_broker_url("https://" + authority);
        fuzz::demand(again && again.value().authority() == authority, "an endpoint comes back from its text");
    }
    if (const auto pin = agent::parse_pin(text))
        fuzz::demand(agent::parse_pin(agent::pin_text(pin.value())).value() == pin.value(),
                     "a pin comes back from its text");
    if (const auto token = agent::parse_join_token(text))
        fuzz::demand(token.value().text == text, "a token is what was pasted");
    return 0;
}
