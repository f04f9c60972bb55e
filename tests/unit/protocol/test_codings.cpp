#include <doctest/doctest.h>

#include "protocol/codings.hpp"

using namespace edge;

namespace {

std::string text_of(const Bytes& bytes) {
    return {bytes.begin(), bytes.end()};
}

}  // namespace

TEST_CASE("hex goes both ways and takes nothing but pairs of lower case digits") {
    const Bytes bytes{0x00, 0x7f, 0x80, 0xff};
    CHECK(to_hex(bytes) == "007f80ff");
    CHECK(from_hex("007f80ff") == bytes);
    CHECK(from_hex("") == Bytes{});
    for (const std::string bad : {"0", "0g", "FF", " 00", "0x00", "00 "}) {
        CAPTURE(bad);
        CHECK_FALSE(from_hex(bad));
    }
    CHECK_FALSE(from_hex(std::string_view("0\0", 2)));
}

TEST_CASE("base64 is that of RFC 4648 section 10") {
    struct Vector {
        std::string plain;
        std::string coded;
    };
    for (const auto& [plain, coded] :
         {Vector{"", ""}, Vector{"f", "Zg=="}, Vector{"fo", "Zm8="}, Vector{"foo", "Zm9v"}, Vector{"foob", "Zm9vYg=="},
          Vector{"fooba", "Zm9vYmE="}, Vector{"foobar", "Zm9vYmFy"}}) {
        CAPTURE(plain);
        CHECK(to_base64(as_bytes(plain)) == coded);
        const auto decoded = from_base64(coded);
        REQUIRE(decoded);
        CHECK(text_of(*decoded) == plain);
    }
}

TEST_CASE("base64 refuses whatever is not canonical") {
    for (const std::string bad : {"Zg", "Zg=", "Zg===", "====", "Z===", "Zh==", "Zm9=", "Zm9v\n",
                                  " Zg==", "Zg==Zg==", "Z=g=", "Zm-_", "=Zg="}) {
        CAPTURE(bad);
        CHECK_FALSE(from_base64(bad));
    }
}

TEST_CASE("every byte survives base64 at every length") {
    Bytes bytes;
    for (int length = 0; length < 300; ++length) {
        CHECK(from_base64(to_base64(bytes)) == bytes);
        bytes.push_back(static_cast<std::uint8_t>(length * 7));
    }
}

TEST_CASE("base32 of 16 bytes is 26 characters that sort as the bytes do") {
    std::array<std::uint8_t, 16> low{};
    std::array<std::uint8_t, 16> high{};
    high.fill(0xff);
    CHECK(to_base32(low) == std::string(26, '0'));
    CHECK(to_base32(high) == "7" + std::string(25, 'z'));

    std::string before = to_base32(low);
    for (std::size_t i = 16; i-- > 0;) {
        std::array<std::uint8_t, 16> bytes{};
        bytes[i] = 1;
        const std::string text = to_base32(bytes);
        CHECK(before < text);
        before = text;
        std::array<std::uint8_t, 16> back{};
        REQUIRE(from_base32(text, back));
        CHECK(back == bytes);
    }
}

TEST_CASE("base32 refuses other lengths, letters left out of the alphabet, upper case, and more than 128 bits") {
    std::array<std::uint8_t, 16> out{};
    for (const std::string& bad :
         {std::string(25, '0'), std::string(27, '0'), std::string(), "8" + std::string(25, '0'),
          std::string(25, '0') + "i", std::string(25, '0') + "l", std::string(25, '0') + "o",
          std::string(25, '0') + "u", "A" + std::string(25, '0'), std::string(26, '\0')}) {
        CAPTURE(bad);
        CHECK_FALSE(from_base32(bad, out));
    }
}
