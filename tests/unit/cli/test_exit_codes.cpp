#include <doctest/doctest.h>

#include "cli/exit_codes.hpp"

using namespace edge::cli;

TEST_CASE("every exit code stands in the help") {
    const std::string text = exit_codes_text();
    for (const auto code :
         {ExitCode::ok, ExitCode::error, ExitCode::usage, ExitCode::lines_failed, ExitCode::auth, ExitCode::not_found,
          ExitCode::conflict, ExitCode::wait_timed_out, ExitCode::no_match, ExitCode::interrupted}) {
        const std::string number = std::to_string(static_cast<int>(code));
        CAPTURE(number);
        CHECK(text.find(" " + number + "  ") != std::string::npos);
    }
}
