#include <doctest/doctest.h>

#include "cli/show/style.hpp"

using namespace edge::cli;

TEST_CASE("colour is for terminals, unless the user says otherwise, and the last word is --color") {
    struct Case {
        ColourFacts facts;
        bool wanted;
    };
    const Case cases[] = {
        {{ColourChoice::automatic, "", "", "xterm", true}, true},
        {{ColourChoice::automatic, "", "", "xterm", false}, false},
        {{ColourChoice::automatic, "1", "", "xterm", true}, false},
        {{ColourChoice::automatic, "", "1", "xterm", false}, true},
        {{ColourChoice::automatic, "", "0", "xterm", false}, false},
        {{ColourChoice::automatic, "1", "1", "xterm", true}, false},
        {{ColourChoice::automatic, "", "", "dumb", true}, false},
        {{ColourChoice::automatic, "", "", "", true}, false},
        {{ColourChoice::always, "1", "", "dumb", false}, true},
        {{ColourChoice::never, "", "1", "xterm", true}, false},
    };
    for (const auto& [facts, wanted] : cases) CHECK(wants_colour(facts) == wanted);
}

TEST_CASE("paint is put around text, and around nothing it is nothing") {
    CHECK(Style{.colour = true}.paint("x", Tone::good) == "\x1b[32mx\x1b[0m");
    CHECK(Style{.colour = true}.paint("", Tone::good).empty());
    CHECK(Style{.colour = true}.paint("x", Tone::plain) == "x");
    CHECK(Style{.colour = false}.paint("x", Tone::good) == "x");
}
