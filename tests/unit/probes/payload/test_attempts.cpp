#include <doctest/doctest.h>

#include <string>

#include "probes/payload/attempt.hpp"
#include "protocol/launcher/payloads.hpp"

using namespace edge::probes;

TEST_CASE("every payload that the launcher knows can be tried, and no other") {
    for (const auto& payload : edge::launcher::kPayloads) CHECK_MESSAGE(find_attempt(payload.name), payload.name);
    CHECK_FALSE(find_attempt("sleep"));
    std::size_t known = 0;
    for (const auto attempts :
         {line_attempts(), target_attempts(), file_attempts(), kernel_attempts(), host_attempts()})
        known += attempts.size();
    CHECK(known == edge::launcher::kPayloads.size());
}

TEST_CASE("facts are words of key and value, and what was not told is empty") {
    const auto facts = Facts::parse("device=wan0 index=7 pids=1,22 odd= noise a=b=c");
    CHECK(facts.text("device") == "wan0");
    CHECK(facts.number("index") == 7);
    CHECK(facts.list("pids") == std::vector<std::string>{"1", "22"});
    CHECK(facts.text("a") == "b=c");
    CHECK(facts.text("odd") == "");
    CHECK(facts.text("noise") == "");
    CHECK(facts.number("absent") == 0);
    CHECK(facts.list("absent").empty());
    CHECK(Facts::parse("").text("x") == "");
}
