// ICMP messages from the network: no bytes are an answer but our own request's, turned round.
#include <cstdint>
#include <cstdlib>

#include "probes/ping/ping_core.hpp"

using namespace edge;
using namespace edge::probes;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using std::chrono::steady_clock;
    const bool v6 = size > 0 && (data[0] & 1) != 0;
    const std::span<const std::uint8_t> message(data + (size > 0), size > 0 ? size - 1 : 0);
    const Cookie cookie{0xde, 0xad, 0xbe, 0xef, 0x01, 0x98, 0x45, 0x72, 0x11, 0x5c, 0x9a, 0xb3, 0xc4, 0xd1, 0x6e, 0x7f};
    PingSpec spec;
    spec.count = 2;
    spec.size = 32;
    const auto start = steady_clock::time_point(std::chrono::seconds(1));
    PingCore core(spec, v6, "192.0.2.1", cookie, start);
    const auto step = core.tick(start);
    core.sent(0, Instant{start, {}});
    core.arrived({message, "192.0.2.1", 64, start + std::chrono::milliseconds(1), {}});
    if (const auto seq = decode_quoted_request(v6, message)) core.refused(*seq, "unreachable:host", "192.0.2.9", start + std::chrono::milliseconds(2));
    (void)core.detail();
    if (core.anything_received()) {
        Bytes reply = step.send->bytes;
        reply[0] = v6 ? 129 : 0;
        for (std::size_t i : {2, 3, 4, 5}) reply[i] = message[i];  // checksum and identifier: the kernel has seen to them
        if (!std::equal(reply.begin(), reply.end(), message.begin(), message.end())) std::abort();
    }
    return 0;
}
