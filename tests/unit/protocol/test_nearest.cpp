#include <doctest/doctest.h>

#include "protocol/nearest.hpp"
#include "protocol/slip.hpp"

using namespace edge;

TEST_CASE("a slip of the fingers finds the word that was meant, and nonsense finds none") {
    const std::vector<std::string> words{"listen", "cert_file", "key_file", "tls"};
    CHECK(nearest("lisen", words) == "listen");
    CHECK(nearest("cert-file", words) == "cert_file");
    CHECK(nearest("keyfile", words) == "key_file");
    CHECK(nearest("tsl", words) == std::nullopt);  // two of three letters differ
    CHECK(nearest("tlss", words) == "tls");
    CHECK(nearest("zzzzzz", words) == std::nullopt);
    CHECK(nearest("", words) == std::nullopt);
    CHECK(nearest("x", {}) == std::nullopt);
    CHECK(did_you_mean("lisen", words) == "; did you mean \"listen\"?");
    CHECK(did_you_mean("zzzzzz", words).empty());
}

TEST_CASE("words that are equally near are all told, up to three") {
    const std::vector<std::string> words{"cm", "ct", "cm", "cu"};
    CHECK(did_you_mean("cx", std::span(words).first(3)) == "; did you mean \"cm\" or \"ct\"?");
    CHECK(did_you_mean("cx", words, "-carrier:") ==
          "; did you mean \"-carrier:cm\", \"-carrier:ct\" or \"-carrier:cu\"?");
    CHECK(did_you_mean("ct", words) == "; did you mean \"ct\"?");
    CHECK(did_you_mean("cx", std::vector<std::string>{"cm", "ct", "cu", "cb"}).empty());
}

TEST_CASE("a slip keeps the first letter and changes little; another word is none") {
    for (const char* typed : {"carier", "carriers", "carrrierr", "provnce", "provicne"})
        CHECK((is_slip_of(typed, "carrier") || is_slip_of(typed, "province")));
    CHECK(is_slip_of("lines", "line"));
    for (const auto& [typed, word] : {std::pair("mode", "node"),
                                      {"zone", "node"},
                                      {"site", "city"},
                                      {"type", "line"},
                                      {"provider", "province"},
                                      {"node", "node"},
                                      {"", "node"}}) {
        CAPTURE(typed);
        CHECK(!is_slip_of(typed, word));
    }
}

TEST_CASE("a very long word is not compared at all, since that costs its length squared") {
    const std::string long_word(1'000'000, 'a');
    const std::vector<std::string> words{"a", long_word};
    CHECK(nearest(long_word, words) == std::nullopt);
    CHECK(nearest("a", words) == "a");
}
