#include <doctest/doctest.h>

#include "protocol/crypto/keys.hpp"

using namespace edge;

namespace {

template <class Array>
Array hex(std::string_view text) {
    const auto bytes = from_hex(text);
    REQUIRE(bytes);
    Array array{};
    REQUIRE(bytes->size() == array.size());
    std::copy(bytes->begin(), bytes->end(), array.begin());
    return array;
}

struct Vector {
    std::string secret;
    std::string public_key;
    std::string message;
    std::string signature;
};

// RFC 8032 section 7.1, TEST 1, 2, 3 and SHA(abc).
const Vector kVectors[] = {
    {"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
     "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
     "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe246"
     "55141438e7a100b"},
    {"4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
     "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
     "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb"
     "00d291612bb0c00"},
    {"c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
     "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
     "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc"
     "027beceea1ec40a"},
    {"833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42",
     "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
     "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2"
     "a9ac94fa54ca49f",
     "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b58909351fc9ac90b3ecfdfbc7c66431e0303dca179c138ac17ad"
     "9bef1177331a704"},
};

}  // namespace

TEST_CASE("Ed25519 signs and verifies as RFC 8032 says") {
    for (const auto& vector : kVectors) {
        CAPTURE(vector.message);
        const auto key = SigningKey::from_secret(*from_hex(vector.secret));
        REQUIRE(key);
        CHECK(to_hex(key.value().public_key()) == vector.public_key);
        const auto message = *from_hex(vector.message);
        const auto signature = key.value().sign(message);
        CHECK(to_hex(signature) == vector.signature);
        CHECK(verify_ed25519(key.value().public_key(), message, signature));
    }
}

TEST_CASE("a signature fails when one bit of signature, message or key is another") {
    const auto& vector = kVectors[2];
    const auto message = *from_hex(vector.message);
    const auto key = hex<PublicKey>(vector.public_key);
    const auto signature = hex<Signature>(vector.signature);
    REQUIRE(verify_ed25519(key, message, signature));
    for (std::size_t i = 0; i < signature.size(); ++i) {
        auto other = signature;
        other[i] ^= 1;
        CAPTURE(i);
        CHECK_FALSE(verify_ed25519(key, message, other));
    }
    for (std::size_t i = 0; i < key.size(); ++i) {
        auto other = key;
        other[i] ^= 1;
        CAPTURE(i);
        CHECK_FALSE(verify_ed25519(other, message, signature));
    }
    auto other = message;
    other[0] ^= 1;
    CHECK_FALSE(verify_ed25519(key, other, signature));
    CHECK_FALSE(verify_ed25519(key, {}, signature));
    CHECK_FALSE(verify_ed25519(PublicKey{}, message, signature));
    CHECK_FALSE(verify_ed25519(key, message, Signature{}));
}

TEST_CASE("a secret of another length is refused, and generated keys differ") {
    CHECK_FALSE(SigningKey::from_secret({}));
    CHECK_FALSE(SigningKey::from_secret(Bytes(31)));
    CHECK_FALSE(SigningKey::from_secret(Bytes(33)));
    const auto one = SigningKey::generate();
    const auto two = SigningKey::generate();
    CHECK(one.public_key() != two.public_key());
    const auto again = SigningKey::from_secret(one.secret());
    REQUIRE(again);
    CHECK(again.value().public_key() == one.public_key());
}

TEST_CASE("SHA-256 and HMAC-SHA-256 give the published digests") {
    CHECK(to_hex(sha256({})) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    CHECK(to_hex(sha256(as_bytes("abc"))) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    // RFC 4231 section 4.3, test case 2.
    CHECK(to_hex(hmac_sha256(as_bytes("Jefe"), as_bytes("what do ya want for nothing?"))) ==
          "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

TEST_CASE("comparing in constant time is comparing") {
    CHECK(equal_in_constant_time(as_bytes("abc"), as_bytes("abc")));
    CHECK_FALSE(equal_in_constant_time(as_bytes("abc"), as_bytes("abd")));
    CHECK_FALSE(equal_in_constant_time(as_bytes("abc"), as_bytes("ab")));
    CHECK(equal_in_constant_time({}, {}));
}
