#include <doctest/doctest.h>

#include "cli/api/problem.hpp"

using namespace edge::cli;

TEST_CASE("a problem's status and code become an exit code") {
    struct Case {
        int status;
        std::string code;
        ExitCode exit;
    };
    for (const auto& [status, code, exit] : {
             Case{400, "bad_json", ExitCode::usage},
             Case{401, "unauthorized", ExitCode::auth},
             Case{403, "denied", ExitCode::auth},
             Case{404, "not_found", ExitCode::not_found},
             Case{409, "conflict", ExitCode::conflict},
             Case{412, "", ExitCode::conflict},
             Case{422, "invalid_body", ExitCode::usage},
             Case{422, "no_match", ExitCode::no_match},
             Case{428, "", ExitCode::conflict},
             Case{500, "internal", ExitCode::error},
             Case{503, "unavailable", ExitCode::error},
             Case{302, "", ExitCode::error},
         }) {
        CAPTURE(status);
        CHECK(trouble_of(status, R"({"code":")" + code + "\"}").exit == exit);
    }
}

TEST_CASE("detail comes first, then what the errors add, then the request's id") {
    const auto trouble = trouble_of(
        422,
        R"({"title":"T","detail":"/params/count: 9 is out of range","code":"invalid_body","request_id":"r1",)"
        R"("errors":[{"pointer":"/params/count","code":"bad_value","message":"9 is out of range"},{"pointer":"/x","message":"unknown"}]})");
    CHECK(trouble.what == "/params/count: 9 is out of range; /x: unknown");
    CHECK(trouble.request_id == "r1");
    CHECK(text_of(trouble) == "edgectl: /params/count: 9 is out of range; /x: unknown\n  request r1\n");
}

TEST_CASE("a body that is no problem is still an answer") {
    for (const std::string body : {"", "<html>bad gateway</html>", "[]", "{\"detail\":7}", "\xff"}) {
        CAPTURE(body);
        const auto trouble = trouble_of(502, body);
        CHECK(trouble.exit == ExitCode::error);
        CHECK(trouble.what == "the broker answered with status 502");
    }
}

TEST_CASE("what a broker says cannot drive the terminal") {
    CHECK(text_of(trouble_of(400, R"({"detail":"a\u001b[2Jb"})")) == "edgectl: a?[2Jb\n");
}
