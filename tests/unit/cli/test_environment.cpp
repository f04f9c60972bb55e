#include <doctest/doctest.h>

#include <map>

#include "cli/api/environment.hpp"

using namespace edge::cli;

namespace {

Answer<Environment> from(std::map<std::string, std::string> values) {
    return environment_from([values](const char* name) {
        const auto at = values.find(name);
        return at == values.end() ? std::string() : at->second;
    });
}

}  // namespace

TEST_CASE("a URL and a token are all it takes") {
    const auto environment = from({{"EDGE_URL", "https://broker.example:8443/"}, {"EDGE_TOKEN", "edgep_x"}});
    REQUIRE(environment);
    CHECK(environment.value().url == "https://broker.example:8443");
    CHECK(environment.value().token == "edgep_x");
    CHECK_FALSE(environment.value().is_loopback);
    CHECK_FALSE(environment.value().token_travels_in_the_clear);
}

TEST_CASE("plain http is for this machine") {
    struct Case {
        std::string url;
        bool loopback;
    };
    for (const auto& [url, loopback] :
         {Case{"http://127.0.0.1:8080", true}, Case{"http://127.9.9.9", true}, Case{"http://[::1]:8080", true},
          Case{"http://localhost", true}, Case{"http://192.0.2.1", false}, Case{"http://[2001:db8::1]", false},
          Case{"http://127.0.0.1.example", false}}) {
        CAPTURE(url);
        const auto environment = from({{"EDGE_URL", url}, {"EDGE_TOKEN", "t"}});
        REQUIRE(environment);
        CHECK(environment.value().is_loopback == loopback);
        CHECK(environment.value().token_travels_in_the_clear == !loopback);
    }
}

TEST_CASE("what is missing or wrong is named with how to set it, and the token is not shown") {
    for (const auto& [values, words] : std::vector<std::pair<std::map<std::string, std::string>, std::string>>{
             {{}, "EDGE_URL"},
             {{{"EDGE_URL", "h:1"}, {"EDGE_TOKEN", "t"}}, "EDGE_URL"},
             {{{"EDGE_URL", "ftp://h"}, {"EDGE_TOKEN", "t"}}, "EDGE_URL"},
             {{{"EDGE_URL", "http://h/api/v1"}, {"EDGE_TOKEN", "t"}}, "EDGE_URL"},
             {{{"EDGE_URL", "http://u@h"}, {"EDGE_TOKEN", "t"}}, "EDGE_URL"},
             {{{"EDGE_URL", "http://"}, {"EDGE_TOKEN", "t"}}, "EDGE_URL"},
             {{{"EDGE_URL", "http://h\r\nX: y"}, {"EDGE_TOKEN", "t"}}, "EDGE_URL"},
             {{{"EDGE_URL", "http://h"}, {"EDGE_TOKEN_FILE", "/nowhere/at/all"}}, "/nowhere/at/all"},
             {{{"EDGE_URL", "http://h"}, {"EDGE_TOKEN", "se cret"}}, "white space"},
         }) {
        CAPTURE(words);
        const auto environment = from(values);
        REQUIRE_FALSE(environment);
        CHECK(environment.error().exit == ExitCode::usage);
        CHECK(environment.error().what.find(words) != std::string::npos);
        CHECK_FALSE(environment.error().next.empty());
        CHECK(text_of(environment.error()).find("cret") == std::string::npos);
    }
}

TEST_CASE("who does not say who they are is told so as one whom the broker does not know") {
    const auto environment = from({{"EDGE_URL", "http://h"}});
    REQUIRE_FALSE(environment);
    CHECK(environment.error().exit == ExitCode::auth);
    CHECK(environment.error().what == "neither EDGE_TOKEN nor EDGE_TOKEN_FILE is set");
}
