// ICMP as anybody may send it to us.
#include <algorithm>

#include "probes/ping/icmp_echo.hpp"
#include "tests/fuzz/property.hpp"

using namespace edge;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 1) return 0;
    const bool v6 = data[0] & 1;
    const std::size_t payload = 16 + data[0] / 2;
    const std::span<const std::uint8_t> message(data + 1, size - 1);
    const probes::Cookie cookie{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
    if (const auto reply = probes::decode_echo_reply(v6, message, cookie, payload)) {
        const bool is_ours = std::search(message.begin(), message.end(), cookie.begin(), cookie.end()) != message.end();
        fuzz::demand(is_ours, "a reply is ours only with our cookie");
        Bytes request = probes::encode_echo_request(v6, reply->seq, cookie, payload);
        fuzz::demand(std::equal(request.begin() + 6, request.end(), message.begin() + 6, message.end()),
                     "a reply carries what its request carried");
        fuzz::demand(probes::decode_quoted_request(v6, request) == reply->seq, "and an error would quote it");
    }
    probes::decode_quoted_request(v6, message);
    if (message.size() >= 2)
        fuzz::demand(!probes::icmp_error_name(v6, message[0], message[1]).empty(), "every error has a name");
    return 0;
}
