// A proxy's URL as a person writes it, and what a proxy answers.
#include "agent/link/proxy.hpp"
#include "tests/fuzz/property.hpp"

using namespace edge;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text = fuzz::text_of(data, size);
    if (const auto proxy = agent::parse_proxy_url(text)) {
        const std::string request = agent::connect_request(proxy.value(), "broker.test:7443");
        fuzz::demand(request.find("\r\n\r\n") == request.size() - 4, "a request has one end");
        fuzz::demand(proxy.value().password.empty() || !proxy.value().user.empty(), "a password is a user's");
    }
    const auto verdict = agent::proxy_answer(text);
    fuzz::demand(verdict.has_value() || size < agent::kMostProxyAnswer, "an answer ends");
    if (verdict && *verdict) fuzz::demand(text.ends_with("\r\n\r\n"), "nothing of the tunnel is swallowed");
    // What was no answer yet becomes the same one by more bytes.
    if (verdict && !*verdict && verdict->error().code == Errc::denied)
        fuzz::demand(text.find("\r\n\r\n") != std::string_view::npos, "it is refused by a whole answer");
    return 0;
}
