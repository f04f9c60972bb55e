#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "agent/enrolment/join.hpp"

using namespace edge;
using namespace edge::agent;

namespace {

struct Folder {
    Folder() { REQUIRE(::mkdtemp(path.data()) != nullptr); }
    ~Folder() { std::filesystem::remove_all(path); }
    JoinTokenSource with(const std::string& text) const {
        std::ofstream(path + "/token", std::ios::binary) << text;
        return {.file = path + "/token"};
    }
    std::string path = "/tmp/edge-join-token.XXXXXX";
};

}  // namespace

TEST_CASE("a join token is one line of a file, whatever ends the line") {
    Folder folder;
    for (const char* text : {"edgej_a.b.c", "edgej_a.b.c\n", "edgej_a.b.c\r\n", "edgej_a.b.c\n\n"}) {
        CAPTURE(text);
        const auto token = join_token(folder.with(text));
        REQUIRE(token);
        CHECK(token.value() == "edgej_a.b.c");
    }
    CHECK(join_token({.text = "edgej_a.b.c"}).value() == "edgej_a.b.c");
}

TEST_CASE("a file that holds no token is told from one that is not there, and its text is not repeated") {
    Folder folder;
    for (const std::string& text : {std::string(), std::string("\n"), std::string("secret\nlines\n"),
                                    std::string(5'000, 's'), std::string(1'025, 's')}) {
        const auto token = join_token(folder.with(text));
        REQUIRE(!token);
        CHECK(token.error().code == Errc::bad_value);
        CHECK(token.error().message().find("secret") == std::string::npos);
    }
    const auto missing = join_token({.file = folder.path + "/none"});
    REQUIRE(!missing);
    CHECK(missing.error().code == Errc::not_found);
    const auto directory = join_token({.file = folder.path});
    REQUIRE(!directory);
}
