#include <doctest/doctest.h>

#include "broker/webhooks/signature.hpp"
#include "protocol/codings.hpp"

using namespace edge;
using namespace edge::broker::webhooks;

// Computed with Python's hmac, and verified by the package standardwebhooks in tests/webhooks.
TEST_CASE("a signature is HMAC-SHA-256 over id, time and body, one for each secret") {
    std::array<std::uint8_t, 32> counted{};
    for (std::size_t i = 0; i < 32; ++i) counted[i] = static_cast<std::uint8_t>(i);
    const std::array<std::array<std::uint8_t, 32>, 1> one{counted};
    const std::string body = R"({"test": 2432232314})";
    CHECK(signatures(one, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1'614'265'330, body) ==
          "v1,O4Gjv1HqPqsMrjmczoggs/sWA8gZD0VyHG+fLh4+ktI=");
    const std::array<std::array<std::uint8_t, 32>, 2> two{counted, std::array<std::uint8_t, 32>{}};
    const std::string both = signatures(two, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1'614'265'330, body);
    CHECK(both.starts_with("v1,O4Gjv1HqPqsMrjmczoggs/sWA8gZD0VyHG+fLh4+ktI= v1,"));
    CHECK(both.size() == 2 * 47 + 1);
    CHECK(signatures(one, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1'614'265'331, body) !=
          "v1,O4Gjv1HqPqsMrjmczoggs/sWA8gZD0VyHG+fLh4+ktI=");
}
