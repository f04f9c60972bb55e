#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>

#include "tests/unit/protocol/samples.hpp"

using namespace edge;

namespace {

std::string path_of(const std::string& name) {
    return std::string(EDGE_GOLDEN_DIR) + "/" + name + ".json";
}

/// The file's text without the newline editors want at its end.
std::string golden(const std::string& name) {
    std::ifstream file(path_of(name), std::ios::binary);
    std::string text(std::istreambuf_iterator<char>(file), {});
    if (text.ends_with('\n')) text.pop_back();
    return text;
}

std::vector<std::pair<std::string, std::string>> wire() {
    std::vector<std::pair<std::string, std::string>> all{
        {"hello", samples::signed_hello()},
        {"enroll_request", link::encode_enroll_request(samples::enroll_request())},
        {"enroll_reply", link::encode_enroll_reply(samples::enroll_reply())}};
    for (const auto& sample : samples::envelopes())
        all.emplace_back(sample.name, link::encode_envelope(sample.envelope, sample.detail));
    return all;
}

}  // namespace

TEST_CASE("golden: every envelope is written as the bytes agents in the field know") {
    const char* mode = std::getenv("EDGE_GOLDEN");
    const bool write = mode && std::string(mode) == "write";
    for (const auto& [name, bytes] : wire()) {
        CAPTURE(name);
        if (write) std::ofstream(path_of(name), std::ios::binary) << bytes << '\n';
        CHECK(golden(name) == bytes);
    }
}

TEST_CASE("golden: no file is left over from an envelope that is gone") {
    std::set<std::string> known;
    for (const auto& [name, bytes] : wire()) known.insert(name + ".json");
    for (const auto& entry : std::filesystem::directory_iterator(EDGE_GOLDEN_DIR)) {
        CAPTURE(entry.path().filename().string());
        CHECK(known.contains(entry.path().filename().string()));
    }
}

TEST_CASE("golden: the bytes in the files are read as the values they were made of") {
    for (const auto& sample : samples::envelopes()) {
        CAPTURE(sample.name);
        const auto received = link::decode_message(golden(sample.name));
        REQUIRE(received);
        REQUIRE(received.value().size() == 1);
        CHECK(received.value()[0].envelope.index() == sample.envelope.index());
        CHECK(received.value()[0].detail == sample.detail);
        CHECK(link::encode_envelope(received.value()[0].envelope, received.value()[0].detail) == golden(sample.name));
    }
}

TEST_CASE("golden: the signatures of hello and enrolment hold") {
    const auto key = samples::node_key().public_key();
    const auto hello = link::decode_hello(golden("hello"));
    REQUIRE(hello);
    Signature signature{};
    std::copy(hello.value().signature.begin(), hello.value().signature.end(), signature.begin());
    CHECK(verify_ed25519(key,
                         as_bytes(link::hello_signing_input(samples::nonce(), samples::exporter(), hello.value().line)),
                         signature));
    CHECK_FALSE(
        verify_ed25519(key, as_bytes(link::hello_signing_input(samples::nonce(), {}, hello.value().line)), signature));

    const auto request = link::decode_enroll_request(golden("enroll_request"));
    REQUIRE(request);
    const auto coded = from_base64(request.value().signature);
    REQUIRE(coded);
    REQUIRE(coded->size() == signature.size());
    std::copy(coded->begin(), coded->end(), signature.begin());
    const std::string raw(key.begin(), key.end());
    CHECK(verify_ed25519(key, as_bytes(link::enroll_signing_input(request.value().token, raw)), signature));

    const auto reply = link::decode_enroll_reply(golden("enroll_reply"));
    REQUIRE(reply);
    CHECK(reply.value().node_id == hello.value().hello.node_id);
}
