#include <doctest/doctest.h>

#include <random>

#include "probes/ping/icmp_echo.hpp"

using namespace edge;
using namespace edge::probes;

namespace {

Cookie cookie() {
    Cookie bytes;
    for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::uint8_t>(0xa0 + i);
    return bytes;
}

Bytes reply_to(Bytes request, bool v6) {
    request[0] = v6 ? 129 : 0;
    return request;
}

}  // namespace

TEST_CASE("a request is type, zero checksum, sequence, cookie and pattern") {
    const Bytes message = encode_echo_request(false, 0x0102, cookie(), 20);
    CHECK(to_hex(message) == "0800000000000102a0a1a2a3a4a5a6a7a8a9aaabacadaeaf10111213");
    CHECK(encode_echo_request(true, 0, cookie(), 16)[0] == 128);
}

TEST_CASE("only our own reply is one") {
    for (const bool v6 : {false, true}) {
        const Bytes good = reply_to(encode_echo_request(v6, 7, cookie(), 56), v6);
        REQUIRE(decode_echo_reply(v6, good, cookie(), 56));
        CHECK(decode_echo_reply(v6, good, cookie(), 56)->seq == 7);
        CHECK_FALSE(decode_echo_reply(!v6, good, cookie(), 56));
        CHECK_FALSE(
            decode_echo_reply(v6, encode_echo_request(v6, 7, cookie(), 56), cookie(), 56));  // our request, looped back
        CHECK_FALSE(decode_echo_reply(v6, good, Cookie{}, 56));
        CHECK_FALSE(decode_echo_reply(v6, good, cookie(), 64));
        CHECK_FALSE(decode_echo_reply(v6, Bytes{}, cookie(), 56));
        for (std::size_t cut = 0; cut < good.size(); ++cut)
            CHECK_FALSE(decode_echo_reply(v6, std::span(good).first(cut), cookie(), 56));
        // Any changed bit but those of checksum, identifier (the kernel's) and sequence makes it somebody else's.
        for (std::size_t i = 0; i < good.size(); ++i) {
            if (i >= 2 && i < 8) continue;
            Bytes changed = good;
            changed[i] ^= 0x10;
            CAPTURE(i);
            CHECK_FALSE(decode_echo_reply(v6, changed, cookie(), 56));
        }
    }
}

TEST_CASE("100,000 random replies: none is taken") {
    std::mt19937 random(7);
    int taken = 0;
    for (int i = 0; i < 100'000; ++i) {
        Bytes message(random() % 80);
        for (auto& byte : message) byte = static_cast<std::uint8_t>(random());
        if (!message.empty() && i % 2 == 0) message[0] = 0;
        if (message.size() > 1 && i % 2 == 0) message[1] = 0;
        const std::size_t payload = message.size() < 24 ? 16 : message.size() - 8;
        taken += decode_echo_reply(false, message, cookie(), payload).has_value();
    }
    CHECK(taken == 0);
}

TEST_CASE("an ICMP error quotes our request") {
    const Bytes request = encode_echo_request(false, 300, cookie(), 16);
    CHECK(decode_quoted_request(false, std::span(request).first(8)) == 300);
    CHECK_FALSE(decode_quoted_request(false, std::span(request).first(7)));
    CHECK_FALSE(decode_quoted_request(true, request));
    CHECK(icmp_error_name(false, 3, 1) == "unreachable:host");
    CHECK(icmp_error_name(true, 3, 0) == "ttl_exceeded");
    CHECK(icmp_error_name(false, 77, 5) == "icmp:77:5");
}
